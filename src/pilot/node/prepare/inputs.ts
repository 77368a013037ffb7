import { constants, lstatSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { cp } from "node:fs/promises";
import { dirname, isAbsolute, join, sep } from "node:path";
import { ConiferError } from "../../../model/errors.ts";
import type { TaskInput, TaskSpec } from "../../link/messages.ts";
import { findFiles, isGlob } from "./glob.ts";
import type { WorkdirRoot } from "./workdir.ts";

/**
 * Puts files of other workdirs into a task's own. Links are made at once; the promise is there only when something has to be copied,
 * which may take long. What is there already stays: an earlier attempt may have worked on it.
 * Throws when a file named without wildcards is missing, or when a file really lies outside of the root.
 */
export function bringInputs(spec: InputReceiver, root: WorkdirRoot): Promise<void> | null {
  // A link of that name, matched by a pattern such as `*`, would let the task write into the other workdir.
  const reserved = new Set([spec.stdout, spec.stderr].map((name) => join(spec.workdir, name)));
  const copies: { from: string; to: string }[] = [];
  for (const input of spec.inputs)
    for (const { from, to } of filesOf(input, spec.workdir, root)) {
      if (reserved.has(to)) continue;
      mkdirSync(dirname(to), { recursive: true });
      root.requireInside(dirname(to), "input");
      if (input.mode === "link") symlinkSync(from, to);
      else copies.push({ from, to });
    }
  return copies.length === 0 ? null : copyAll(copies);
}

type InputReceiver = Pick<TaskSpec, "workdir" | "stdout" | "stderr" | "inputs">;

function filesOf(input: TaskInput, workdir: string, root: WorkdirRoot): { from: string; to: string }[] {
  const { fromDirectory, patterns } = input;
  if (!isAbsolute(fromDirectory) || fromDirectory.split(sep).includes(".."))
    throw new ConiferError("UNSAFE_PATH", { where: "input directory", path: fromDirectory });
  if (statSync(fromDirectory, { throwIfNoEntry: false }) === undefined)
    throw new Error(`input directory ${fromDirectory} does not exist`);
  root.requireInside(fromDirectory, "input directory");
  const files: { from: string; to: string }[] = [];
  for (const pattern of patterns) {
    const names = findFiles(fromDirectory, pattern);
    if (names.length === 0 && !isGlob(pattern)) throw new Error(`input ${pattern} is not in ${fromDirectory}`);
    for (const name of names) {
      const from = join(fromDirectory, name);
      root.requireInside(from, "input");
      const to = join(workdir, name);
      if (lstatSync(to, { throwIfNoEntry: false }) === undefined) files.push({ from, to });
    }
  }
  return files;
}

/** Each copy gets its name only when it is whole, so that a pilot lost half-way leaves no short file behind. */
async function copyAll(copies: readonly { from: string; to: string }[]): Promise<void> {
  for (const { from, to } of copies) {
    const unfinished = `${to}.conifer-partial`;
    rmSync(unfinished, { recursive: true, force: true });
    await cp(from, unfinished, { recursive: true, dereference: true, mode: constants.COPYFILE_FICLONE });
    renameSync(unfinished, to);
  }
}
