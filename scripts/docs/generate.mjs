// Makes the generated pages of docs/: `node scripts/docs/generate.mjs`; with --check it only says whether they are stale.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { root } from "../ensure.mjs";
import { cliPage } from "./cli.mjs";
import { errorsPage } from "./errors.mjs";
import { filtersPage } from "./filters.mjs";
import { settingsPage } from "./settings.mjs";
import { weaknessesPage } from "./weaknesses.mjs";

const sources = await load("scripts/docs/sources.ts");
const pages = {
  "docs/cli.md": cliPage(sources),
  "docs/errors.md": errorsPage(sources),
  "docs/filters.md": filtersPage(sources),
  "docs/settings.md": settingsPage(sources),
  "docs/weaknesses.md": weaknessesPage(),
};

const isCheck = process.argv.includes("--check");
const stale = Object.entries(pages).filter(([file, text]) => {
  const path = join(root, file);
  return !existsSync(path) || readFileSync(path, "utf8") !== text;
});
if (isCheck && stale.length > 0) {
  console.error(`stale: ${stale.map(([file]) => file).join(", ")}; run node scripts/docs/generate.mjs`);
  process.exitCode = 1;
}
for (const [file, text] of isCheck ? [] : stale) {
  writeFileSync(join(root, file), text);
  console.log(`wrote ${file}`);
}

// Beside node_modules, so that the packages it imports are found.
async function load(entry) {
  const folder = mkdtempSync(join(root, "node_modules/.conifer-docs-"));
  const outfile = join(folder, "sources.mjs");
  try {
    await build({
      entryPoints: [join(root, entry)],
      outfile,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      packages: "external",
      logLevel: "warning",
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
