import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ConiferError } from "../model/errors.ts";

const PROGRAMS = {
  pilot: "pilot.js",
  functionWorker: "function-worker.js",
  siteAgent: "site-agent.js",
  library: "index.js",
} as const;

/** The path of one of Conifer's own built programs, found upwards from this file, wherever it was bundled into. */
export function programPath(name: keyof typeof PROGRAMS): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let directory = start; ; directory = dirname(directory)) {
    const path = join(directory, "dist", PROGRAMS[name]);
    if (existsSync(path)) return path;
    if (dirname(directory) === directory)
      throw new ConiferError("INTERNAL", { problem: `dist/${PROGRAMS[name]} is missing; was it built?` });
  }
}

/** Where `import … from "conifer"` leads, as a file URL. */
export function libraryUrl(): string {
  return pathToFileURL(programPath("library")).href;
}
