// @ts-check
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Read a file, with an error that names it.
 * @param {string} path
 */
export function readText(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new Error(`cannot read ${path}: ${reason(cause)}`, { cause });
  }
}

/**
 * Write a file and the folders above it. It gets its name only when it is whole: a program that is killed leaves no file that
 * looks finished.
 * @param {string} path
 * @param {string} text
 */
export function writeText(path, text) {
  const unfinished = `${path}.${process.pid}.part`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(unfinished, text);
    renameSync(unfinished, path);
  } catch (cause) {
    if (existsSync(unfinished)) rmSync(unfinished);
    throw new Error(`cannot write ${path}: ${reason(cause)}`, { cause });
  }
}

/** @param {unknown} error */
function reason(error) {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "no such file or folder";
  if (code === "ENOTDIR" || code === "EEXIST") return "a folder on the way is a file";
  if (code === "EACCES") return "permission denied";
  if (code === "EISDIR") return "it is a folder";
  return error instanceof Error ? error.message : String(error);
}
