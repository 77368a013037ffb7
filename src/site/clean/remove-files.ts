import { lstat, realpath, rm } from "node:fs/promises";
import { join, sep } from "node:path";
import { findFiles } from "../../pilot/node/prepare/glob.ts";

/**
 * Removes from a workdir what matches the globs; answers how many files and directories went. Never anything outside:
 * the workdir must lie in the data directory with all links resolved, a path that leads through a symbolic link is left
 * alone, and a link that matches is removed itself, not what it points to.
 */
export async function removeFiles(data: string, workdir: string, globs: readonly string[]): Promise<number> {
  const directory = join(data, workdir);
  if (!(await liesWithin(data, directory))) return 0;
  let removed = 0;
  for (const glob of globs) {
    // The longest first, so that a directory's content is counted before it goes with the directory.
    for (const path of findFiles(directory, glob).reverse()) {
      if (await leadsThroughLink(directory, path)) continue;
      await rm(join(directory, path), { recursive: true, force: true });
      removed += 1;
    }
  }
  return removed;
}

async function liesWithin(data: string, directory: string): Promise<boolean> {
  const root = await realpath(data).catch(() => null);
  const real = await realpath(directory).catch(() => null);
  if (root === null || real === null) return false;
  return real.startsWith(`${root}${sep}`);
}

async function leadsThroughLink(directory: string, path: string): Promise<boolean> {
  const parents = path.split("/").slice(0, -1);
  for (let depth = 1; depth <= parents.length; depth += 1) {
    const found = await lstat(join(directory, ...parents.slice(0, depth))).catch(() => null);
    if (found === null || !found.isDirectory()) return true;
  }
  return false;
}
