import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ConiferError } from "../model/errors.ts";

const PROGRAMS = {
  pilot: "pilot.js",
  functionWorker: "function-worker.js",
  siteAgent: "site-agent.js",
  nodeProbe: "node-probe.js",
  library: "index.js",
} as const;

/** The path of one of Conifer's own built programs, found upwards from this file, wherever it was bundled into. */
export function programPath(name: keyof typeof PROGRAMS): string {
  const path = findUpwards(join("dist", PROGRAMS[name]));
  if (path !== null) return path;
  throw new ConiferError("INTERNAL", { problem: `dist/${PROGRAMS[name]} is missing; was it built?` });
}

/** A folder that comes with Conifer. */
export function packageFolder(name: "presets"): string {
  const path = findUpwards(name, "package.json");
  if (path !== null) return path;
  throw new ConiferError("INTERNAL", { problem: `Conifer's folder ${name} is missing` });
}

/** What lies in one of the folders above this file, which also holds `beside`. */
function findUpwards(path: string, beside = path): string | null {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let directory = start; ; directory = dirname(directory)) {
    if (existsSync(join(directory, path)) && existsSync(join(directory, beside))) return join(directory, path);
    if (dirname(directory) === directory) return null;
  }
}

/** Where `import … from "conifer"` leads, as a file URL. */
export function libraryUrl(): string {
  return pathToFileURL(programPath("library")).href;
}
