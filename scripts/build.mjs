// Bundles Conifer into dist/: the CLI and server in chunks (so that `--help` loads little), the pilot and its node
// agent as one file each without node_modules, the PGlite worker, and the SDK.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { build } from "esbuild";

const common = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  logLevel: "warning",
  sourcemap: false,
  legalComments: "none",
  write: false,
};
const banner = {
  js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
};
const entries = (list) => Object.fromEntries(Object.entries(list).filter(([, file]) => existsSync(file)));

const results = await Promise.all([
  build({
    ...common,
    outdir: "dist",
    splitting: true,
    packages: "external",
    chunkNames: "chunks/[name]-[hash]",
    entryPoints: entries({
      cli: "src/cli/main.ts",
      index: "src/index.ts",
      server: "src/server/main.ts",
      "site-agent": "src/site/main.ts",
      "pglite-worker": "src/server/database/pglite-worker.ts",
    }),
  }),
  build({
    ...common,
    outdir: "dist",
    banner,
    minifySyntax: true,
    entryPoints: entries({
      pilot: "src/pilot/main.ts",
      "pilot-node": "src/pilot/node/main.ts",
      "node-probe": "src/site/probe/main.ts",
      "function-worker": "src/pilot/worker/main.ts",
    }),
  }),
]);

// Programs that run now load their chunks from dist/ as they need them: files are replaced whole, those that did not change stay
// as they are, and chunks that are no longer made go only when they are old.
const made = new Map(
  results.flatMap(({ outputFiles }) => outputFiles.map((file) => [resolve(file.path), file.contents])),
);
for (const [path, contents] of made) {
  if (existsSync(path) && readFileSync(path).equals(contents)) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, contents);
  renameSync(`${path}.${process.pid}`, path);
}
for (const name of existsSync("dist/chunks") ? readdirSync("dist/chunks") : []) {
  const path = resolve(join("dist/chunks", name));
  const old = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (!made.has(path) && Date.now() - old > 3_600_000) rmSync(path, { force: true });
}
writeFileSync("dist/.built", `${new Date().toISOString()}\n`);
