import { existsSync } from "node:fs";
import { join } from "node:path";
import type { EndReason, TaskEnd, TaskSpec } from "../../link/messages.ts";
import { findFiles } from "../prepare/glob.ts";
import type { Ending } from "../shell/task-shell.ts";
import { type Exit, readExitStatus } from "./exit-status.ts";
import { stderrTail } from "./stderr-tail.ts";

export interface Ended {
  readonly spec: TaskSpec;
  readonly startedAt: number;
  readonly at: number;
  readonly outcome: Ending;
  /** Why it was told to end, or null when it ended by itself. */
  readonly asked: EndReason | null;
}

/** Puts together what the hub is told about a task that ran. */
export function describeEnd({ spec, startedAt, at, outcome, asked }: Ended): TaskEnd {
  const base = { task: spec.task, startedAt, at, missingOutputs: [] };
  if (outcome.kind === "gone") {
    const tail = stderrTail(join(spec.workdir, spec.stderr));
    const exit = { exitCode: null, signal: outcome.signal };
    if (asked !== null) return { ...base, ...exit, reason: reasonOf(asked), message: null, stderrTail: tail };
    const message = `its exit status is not known: ${outcome.problem}`;
    return { ...base, ...exit, reason: "lost", message, stderrTail: tail };
  }
  const exit = readExitStatus(outcome.status);
  if (asked !== null)
    return {
      ...base,
      ...exit,
      reason: reasonOf(asked),
      message: null,
      stderrTail: stderrTail(join(spec.workdir, spec.stderr)),
    };
  if (exit.exitCode === 0)
    return { ...base, ...exit, reason: "exit", message: null, stderrTail: "", missingOutputs: missingOutputs(spec) };
  if (wasNotReached(spec, exit)) {
    const message = `${spec.workdir}: stdout or stderr could not be opened`;
    return { ...base, ...exit, reason: "not-started", message, stderrTail: "" };
  }
  return { ...base, ...exit, reason: "exit", message: null, stderrTail: stderrTail(join(spec.workdir, spec.stderr)) };
}

/** What the hub is told about a task that never ran. */
export function describeNotStarted(spec: Pick<TaskSpec, "task">, at: number, message: string): TaskEnd {
  return {
    task: spec.task,
    startedAt: null,
    at,
    exitCode: null,
    signal: null,
    reason: "not-started",
    message,
    stderrTail: "",
    missingOutputs: [],
  };
}

/** What the hub is told about a task that was made to end before its process began. */
export function describeStopped(spec: TaskSpec, at: number, asked: EndReason): TaskEnd {
  return { ...describeNotStarted(spec, at, "it was ended before it began"), reason: reasonOf(asked) };
}

const reasonOf = (asked: EndReason): "killed" | "limit" | "allocation-end" => (asked === "released" ? "killed" : asked);

const missingOutputs = (spec: TaskSpec): string[] =>
  spec.outputs.filter((pattern) => findFiles(spec.workdir, pattern).length === 0);

/** The shell's own failures are 1 (bash) and 2 (dash); stdout is opened last, right before the program. */
function wasNotReached(spec: TaskSpec, { exitCode }: Exit): boolean {
  return (exitCode === 1 || exitCode === 2) && !existsSync(join(spec.workdir, spec.stdout));
}
