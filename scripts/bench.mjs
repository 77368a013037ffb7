// `npm run bench`: bundles bench/main.ts and runs it. `npm run bench -- create life` runs only those parts; --jobs N sets the size.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureBuilt, ensureInstalled, root } from "./ensure.mjs";

ensureInstalled();
ensureBuilt();
const { build } = await import("esbuild");
const outfile = join(root, "dist/bench.js");
await build({
  entryPoints: [join(root, "bench/main.ts")],
  outfile,
  bundle: true,
  platform: "node",
  target: "node20",
  format: "esm",
  packages: "external",
  logLevel: "warning",
});
process.exitCode =
  spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], { cwd: root, stdio: "inherit" }).status ?? 1;
