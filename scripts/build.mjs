// Bundles Conifer into dist/: the CLI and server in chunks (so that `--help` loads little), the pilot and its node
// agent as one file each without node_modules, the PGlite worker, and the SDK.
import { existsSync, rmSync } from "node:fs";
import { build } from "esbuild";

const common = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  logLevel: "warning",
  sourcemap: false,
  legalComments: "none",
};
const banner = {
  js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
};
const entries = (list) => Object.fromEntries(Object.entries(list).filter(([, file]) => existsSync(file)));

rmSync("dist", { recursive: true, force: true });
await Promise.all([
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
      "function-worker": "src/pilot/worker/main.ts",
    }),
  }),
]);
