import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** Inside node_modules, so that bundles find the packages they import. */
const directory = join(root, "node_modules/.cache/conifer-test");

/**
 * Bundles a TypeScript file into a program that plain Node runs, and returns its path. Tests that kill a process need one
 * of their own, made from the sources under test.
 */
export async function bundleProgram(entry: string, name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, entry)],
    outdir: directory,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    packages: "external",
    write: false,
    logLevel: "warning",
  });
  const program = join(directory, `${name}.js`);
  await mkdir(directory, { recursive: true });
  await replace(join(directory, "package.json"), '{ "type": "module" }\n');
  await replace(program, outputFiles[0]?.text ?? "");
  return program;
}

/** Several test runs may do this at once: a file is never seen half-written, and never touched when it is right already. */
async function replace(path: string, text: string): Promise<void> {
  if ((await readFile(path, "utf8").catch(() => undefined)) === text) return;
  const draft = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  await writeFile(draft, text);
  await rename(draft, path);
}
