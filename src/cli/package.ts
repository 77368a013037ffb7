import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConiferError } from "../model/errors.ts";

/** The folder of the package that this program is part of, wherever the bundler put the code. */
export function packageDirectory(): string {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    if (existsSync(join(directory, "package.json"))) return directory;
    if (directory === dirname(directory)) throw new ConiferError("INTERNAL", { problem: "package.json was not found" });
  }
}

/** Conifer's version. */
export function versionOf(): string {
  return JSON.parse(readFileSync(join(packageDirectory(), "package.json"), "utf8")).version;
}

/** The path of one of Conifer's programs: `server`, `pilot`. */
export const programPath = (name: string): string => join(packageDirectory(), "dist", `${name}.js`);
