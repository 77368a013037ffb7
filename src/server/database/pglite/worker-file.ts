import { existsSync } from "node:fs";
import { ConiferError } from "../../../model/errors.ts";

/**
 * Where the thread's program is: beside the bundle this code is in, or one floor up when it is in a chunk of it. Run from
 * the sources (in tests), it is the one that `test/setup/bundle.ts` makes.
 */
const CANDIDATES = import.meta.url.endsWith(".ts")
  ? ["../../../../node_modules/.cache/conifer-test/pglite-worker.js"]
  : ["./pglite-worker.js", "../pglite-worker.js"];

/** The file to start the engine's thread from. */
export function workerFile(): URL {
  const files = CANDIDATES.map((path) => new URL(path, import.meta.url));
  const found = files.find((file) => existsSync(file));
  if (found === undefined) throw new ConiferError("INTERNAL", { problem: `there is no ${files.join(" and no ")}` });
  return found;
}
