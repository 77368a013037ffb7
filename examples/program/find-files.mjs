// @ts-check
// Which files an argument means. A shell expands patterns itself, but a hundred job folders make a long command line, and a
// quoted pattern or a folder says the same.
import { readdirSync, statSync } from "node:fs";
import { join, normalize } from "node:path";

/**
 * The files named by paths, folders (their files with the extension) and patterns with * and ?, sorted and each once. An
 * argument that matches nothing is an error.
 * @param {readonly string[]} given
 * @param {string} extension
 */
export function findFiles(given, extension) {
  return [...new Set(given.flatMap((argument) => findOne(argument, extension)))].sort();
}

/**
 * @param {string} argument
 * @param {string} extension
 */
function findOne(argument, extension) {
  const stats = statSync(argument, { throwIfNoEntry: false });
  if (stats?.isFile()) return [normalize(argument)];
  const pattern = stats?.isDirectory() ? join(argument, `*${extension}`) : argument;
  const found = expand(pattern).filter((path) => statSync(path).isFile());
  if (found.length === 0) throw new Error(`no files match ${argument}`);
  return found;
}

/** @param {string} pattern */
function expand(pattern) {
  const parts = pattern.split("/");
  let paths = [parts[0] === "" ? "/" : "."];
  for (const part of parts.filter((name) => name !== "")) {
    paths = paths.flatMap((folder) => (/[*?]/.test(part) ? matchIn(folder, part) : existing(join(folder, part))));
  }
  return paths;
}

/**
 * @param {string} folder
 * @param {string} pattern
 */
function matchIn(folder, pattern) {
  if (!statSync(folder).isDirectory()) return [];
  const escaped = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const wanted = new RegExp(`^${escaped}$`, "s");
  const names = readdirSync(folder).filter((name) => wanted.test(name) && !name.startsWith("."));
  return names.map((name) => join(folder, name));
}

/** @param {string} path */
function existing(path) {
  return statSync(path, { throwIfNoEntry: false }) ? [path] : [];
}
