// Every check that needs no test run: format and lint, types, the floors, dead code, generated docs.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, root, run } from "./ensure.mjs";

ensureInstalled();
const bin = (name) => join(root, "node_modules/.bin", name);
const checks = [
  ["format and lint", () => run(bin("biome"), ["ci", "--colors=off", "."])],
  ["types", () => run(bin("tsc"), ["-p", "tsconfig.json"])],
  ["floors", () => run(bin("depcruise"), ["src", "--config", ".dependency-cruiser.cjs", "--output-type", "err"])],
  ["dead code", () => run(bin("knip"), ["--no-progress"])],
  ...(existsSync(join(root, "scripts/docs/generate.mjs"))
    ? [["generated docs", () => run(process.execPath, ["scripts/docs/generate.mjs", "--check"])]]
    : []),
];
let failed = 0;
for (const [name, check] of checks) {
  try {
    check();
    console.log(`check: ${name} ok`);
  } catch (error) {
    failed += 1;
    console.error(`check: ${name} FAILED: ${error.message}`);
  }
}
process.exitCode = failed > 0 ? 1 : 0;
