import type { GpuKind, TaskSpec } from "../link/messages.ts";
import { taskEnvironment } from "./prepare/environment.ts";
import { patternSegments } from "./prepare/glob.ts";
import type { PrivateFiles } from "./prepare/private-files.ts";
import { requireFileName } from "./prepare/workdir.ts";
import { programText, taskLines } from "./shell/script.ts";

/** What all tasks of an agent share. */
export interface LineSource {
  readonly privateFiles: PrivateFiles;
  readonly gpuKinds: readonly GpuKind[];
  /** What commands are looked up on, and what shell takes those that are not simple. */
  readonly path: string;
  readonly bash: string;
  readonly functions: string;
}

/** Throws, naming what is wrong, for a task that cannot be started whatever the state of its workdir. */
export function checkSpec(spec: TaskSpec): void {
  requireFileName(spec.stdout, "stdout");
  requireFileName(spec.stderr, "stderr");
  for (const pattern of spec.outputs) patternSegments(pattern);
}

/** What a task shell is told to run a task; writes the task's private files. Throws naming a variable that cannot be set. */
export function makeLines(spec: TaskSpec, { privateFiles, ...source }: LineSource): string {
  const jobFile = privateFiles.writeJobFile(spec);
  const environment = taskEnvironment({ spec, jobFile, gpuKinds: source.gpuKinds });
  const program = programText({
    command: spec.command,
    preamble: spec.preamble,
    path: environment.get("PATH") ?? source.path,
    bash: source.bash,
    functions: source.functions,
    saveLongText: (text) => privateFiles.writeCommand(spec, text),
  });
  const { workdir, stdout, stderr } = spec;
  return taskLines({ workdir, stdout, stderr, environment, program });
}
