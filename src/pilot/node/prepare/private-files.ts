import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TaskSpec } from "../../link/messages.ts";

/** An agent's directory of mode 0700 for what only its tasks may read. */
export interface PrivateFiles {
  readonly directory: string;
  /** Writes the file that `CONIFER_JOB_FILE` names and returns its path; null for a task that needs none. */
  writeJobFile(spec: TaskSpec): string | null;
  /** Writes a command too long to be an argument and returns its path. */
  writeCommand(spec: TaskSpec, text: string): string;
  /** Removes a task's files. */
  remove(spec: TaskSpec): void;
  /** Removes the directory. */
  close(): void;
}

/** Makes the directory, in memory where there is such a file system: most tasks have a file in it for a moment. */
export function openPrivateFiles(parent: string = existsSync("/dev/shm") ? "/dev/shm" : tmpdir()): PrivateFiles {
  const directory = mkdtempSync(join(parent, "conifer-node-"));
  /** Paths by task; most tasks have none. */
  const paths = new Map<string, string[]>();
  let count = 0;

  const write = (spec: TaskSpec, kind: string, text: string): string => {
    const path = join(directory, `${kind}-${++count}`);
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
    paths.set(spec.task, [...(paths.get(spec.task) ?? []), path]);
    return path;
  };
  return {
    directory,
    writeJobFile(spec) {
      if (spec.steering === null && spec.jobFile === null) return null;
      return write(spec, "job", `${JSON.stringify({ ...spec.jobFile, ...spec.steering })}\n`);
    },
    writeCommand(spec, text) {
      return write(spec, "command", text);
    },
    remove(spec) {
      for (const path of paths.get(spec.task) ?? []) rmSync(path, { force: true });
      paths.delete(spec.task);
    },
    close() {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
