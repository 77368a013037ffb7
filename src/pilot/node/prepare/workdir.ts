import { lstatSync, mkdirSync, realpathSync, renameSync, type Stats, statSync } from "node:fs";
import { dirname, isAbsolute, join, normalize, parse, sep } from "node:path";
import { ConiferError } from "../../../model/errors.ts";

/** The only directory tree an agent makes workdirs in. */
export interface WorkdirRoot {
  /** Makes a workdir and what leads to it. Throws `UNSAFE_PATH` where it would lie outside, symbolic links included. */
  make(workdir: string): "made" | "existed";
  /** Throws `UNSAFE_PATH` unless an existing file or directory really lies inside. */
  requireInside(path: string, where: string): void;
}

/** Opens the tree below a directory, which is made if missing. */
export function openWorkdirRoot(root: string): WorkdirRoot {
  mkdirSync(root, { recursive: true });
  const real = realpathSync(root);
  /** Directories seen to lie inside, by device and inode: a hot campaign has one parent for a million workdirs. */
  const known = new Map<string, string>();

  const requireInside = (path: string, where: string): void => {
    if (!isWithin(realpathSync(path), real)) throw outside(path, where);
  };
  const requireParent = (parent: string): void => {
    const stats = statSync(parent, { throwIfNoEntry: false });
    if (stats !== undefined && known.get(parent) === identity(stats)) return;
    if (stats === undefined) {
      requireInside(existingAncestor(parent), "workdir");
      mkdirSync(parent, { recursive: true });
    }
    requireInside(parent, "workdir");
    if (known.size > 10_000) known.clear();
    known.set(parent, identity(statSync(parent)));
  };

  return {
    make(workdir) {
      if (!isAbsolute(workdir) || workdir.includes("\0") || workdir.split(sep).includes(".."))
        throw outside(workdir, "workdir");
      const path = withoutTrailingSlash(normalize(workdir));
      if (!isWithin(path, root) && !isWithin(path, real)) throw outside(workdir, "workdir");
      if (path !== root && path !== real) requireParent(dirname(path));
      try {
        mkdirSync(path);
        return "made";
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      if (!statSync(path).isDirectory()) throw new Error(`workdir ${path} is not a directory`);
      requireInside(path, "workdir");
      return "existed";
    },
    requireInside,
  };
}

/**
 * Moves an earlier attempt's file out of the way: `job.out` becomes `job.1.out` when attempt 2 starts. A name that is taken
 * already stays, and the next free number is used.
 */
export function keepEarlierOutput(workdir: string, file: string, attempt: number): void {
  const path = join(workdir, file);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
  const { name, ext } = parse(file);
  for (let number = Math.max(1, attempt - 1); ; number++) {
    const kept = join(workdir, `${name}.${number}${ext}`);
    if (lstatSync(kept, { throwIfNoEntry: false }) !== undefined) continue;
    renameSync(path, kept);
    return;
  }
}

/** Throws unless a name is that of a file directly in the workdir. */
export function requireFileName(name: string, where: string): void {
  if (typeof name !== "string" || name === "" || name === "." || name === ".." || /[/\0]/.test(name))
    throw new ConiferError("UNSAFE_PATH", { where, path: JSON.stringify(name) });
}

/** Whether a normalised path is a directory or lies below it. */
export function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

const outside = (path: string, where: string): ConiferError => new ConiferError("UNSAFE_PATH", { where, path });

const identity = (stats: Stats): string => `${stats.dev}:${stats.ino}`;

const withoutTrailingSlash = (path: string): string =>
  path.length > 1 && path.endsWith(sep) ? path.slice(0, -1) : path;

function existingAncestor(path: string): string {
  let ancestor = dirname(path);
  while (lstatSync(ancestor, { throwIfNoEntry: false }) === undefined) ancestor = dirname(ancestor);
  return ancestor;
}
