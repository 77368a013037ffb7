import { type ChildProcess, spawn } from "node:child_process";
import { messageOf } from "../../../model/errors.ts";
import { gated, helperStart, pinLine } from "./script.ts";

/**
 * A helper is one small shell that runs one task after another: starting a process from it costs a fraction of what it
 * costs from Node. It leads a process group of its own, which its tasks share, so that one signal reaches a task
 * and its children. It catches the signals that end tasks and so survives to tell the exit status; SIGKILL takes it along.
 *
 * A second task can be staged behind the one that runs: the shell goes on to it by itself, without the way to
 * this process and back, unless `holdBack` was called before the first ended; then it prints `S` and runs nothing. Whoever
 * holds back and then lets one whole turn of the event loop pass without hearing of the first task's end knows that the staged
 * one will not run: had the shell gone past the gate before, the first task's status would have been read in that turn.
 */
export interface Helper {
  /** Also the id of its process group. */
  readonly pid: number;
  /** Cores it is pinned to, as `taskset` writes them. */
  readonly pinnedTo: string;
  readonly isBusy: boolean;
  readonly hasStaged: boolean;
  /** Not before its first task has ended: until then the signal that holds back might find no trap. */
  readonly canStage: boolean;
  /** Runs a task's lines, pinned first where the cores differ; only while it is not busy. */
  run(lines: string, cores: string, onOutcome: OnOutcome): void;
  /** Puts a task behind the one that runs, on the same cores; one at most. */
  stage(lines: string, onStart: () => void, onOutcome: OnOutcome): void;
  /** Closes the gate before a staged task. */
  holdBack(): void;
  /** Forgets a staged task that is known to be held back. */
  dropStaged(): void;
  /** Signals the task and everything else in the group. */
  signal(signal: NodeJS.Signals): void;
  /** Lets the helper end by itself once it is idle. */
  release(): void;
}

/** What came of a task: the shell's exit status, its helper's death, or that it was held back and did not run. */
export type Outcome = Ending | { readonly kind: "skipped" };
export type Ending =
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "gone"; readonly signal: NodeJS.Signals | null; readonly problem: string };
export type OnOutcome = (outcome: Outcome) => void;

export interface HelperOptions {
  /** Absolute path of a POSIX shell. */
  readonly shell: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What a new process may run on. */
  readonly allCores: string;
  readonly onPinFailed: (cores: string) => void;
  readonly onGone: (helper: Helper) => void;
}

/** Starts a helper; throws where the system starts no more processes. */
export function startHelper(options: HelperOptions): Helper {
  const { child, pid } = startShell(options);
  let pinnedTo = options.allCores;
  let current: OnOutcome | null = null;
  let staged: { readonly onStart: () => void; readonly onOutcome: OnOutcome } | null = null;
  let isReady = false;
  /** Dropped tasks whose `S` has not come yet. */
  let dropped = 0;

  const settle = (outcome: Outcome): void => {
    const settled = current;
    const next = staged;
    current = next?.onOutcome ?? null;
    staged = null;
    next?.onStart();
    settled?.(outcome);
  };
  readLines(child, (line) => {
    isReady = true;
    if (line === "P") options.onPinFailed(pinnedTo);
    else if (line !== "S") settle({ kind: "status", status: Number(line) });
    else if (dropped > 0) dropped--;
    else settle({ kind: "skipped" });
  });

  const helper: Helper = {
    pid,
    get pinnedTo() {
      return pinnedTo;
    },
    get isBusy() {
      return current !== null;
    },
    get hasStaged() {
      return staged !== null;
    },
    get canStage() {
      return isReady && current !== null && staged === null;
    },
    run(lines, cores, onOutcome) {
      current = onOutcome;
      const pin = cores === pinnedTo ? "" : pinLine(cores);
      pinnedTo = cores;
      child.stdin.write(pin + lines);
    },
    stage(lines, onStart, onOutcome) {
      staged = { onStart, onOutcome };
      child.stdin.write(gated(lines));
    },
    holdBack() {
      if (current !== null) signalProcess(pid, "SIGUSR1");
    },
    dropStaged() {
      if (staged !== null) dropped++;
      staged = null;
    },
    signal(signal) {
      signalProcess(-pid, signal);
    },
    release() {
      child.stdin.end();
    },
  };
  child.on("close", (code, signal) => {
    options.onGone(helper);
    const held = staged;
    staged = null;
    held?.onOutcome({ kind: "skipped" });
    settle({ kind: "gone", signal, problem: signal ? `its shell died of ${signal}` : `its shell ended with ${code}` });
  });
  child.stdin.write(helperStart);
  return helper;
}

function startShell({ shell, environment }: HelperOptions) {
  const child = spawn(shell, [], {
    cwd: "/",
    env: environment,
    // A leader of its own session. The shell's own messages may quote a task's environment: nobody reads them.
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
  });
  let problem: unknown = "is the limit of processes reached?";
  child.on("error", (error) => {
    problem = error;
  });
  // Writing to a helper that has died; its exit says so.
  child.stdin.on("error", () => {});
  const { pid } = child;
  if (pid === undefined) throw new Error(`${shell} could not be started: ${messageOf(problem)}`);
  return { child, pid };
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}

function readLines(child: ChildProcess, onLine: (line: string) => void): void {
  let rest = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  });
}
