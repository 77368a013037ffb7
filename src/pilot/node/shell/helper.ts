import { type ChildProcess, spawn } from "node:child_process";
import { messageOf } from "../../../model/errors.ts";
import { pinLine } from "./script.ts";

/**
 * A helper is one small shell that runs one task after another: starting a process from it costs a fraction of what it
 * costs from Node. It leads a process group of its own, which its tasks share, so that one signal reaches a task
 * and its children. It catches the signals that end tasks and so survives to tell the exit status; SIGKILL takes it along.
 */
export interface Helper {
  /** Also the id of its process group. */
  readonly pid: number;
  /** Cores it is pinned to, as `taskset` writes them. */
  readonly pinnedTo: string;
  /** Runs a task's lines, pinned first where the cores differ; one task at a time. */
  run(lines: string, cores: string, onOutcome: (outcome: Outcome) => void): void;
  /** Signals the task and everything else in the group. */
  signal(signal: NodeJS.Signals): void;
  /** Lets the helper end by itself once it is idle. */
  release(): void;
}

/** What came of a task: the shell's exit status, or its helper's death. */
export type Outcome =
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "gone"; readonly signal: NodeJS.Signals | null; readonly problem: string };

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
  const child = spawn(options.shell, [], {
    cwd: "/",
    env: options.environment,
    // A leader of its own session. The shell's own messages may quote a task's environment: nobody reads them.
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
  });
  let startError: unknown = null;
  child.on("error", (error) => {
    startError = error;
  });
  // Writing to a helper that has died; its exit says so.
  child.stdin.on("error", () => {});
  const { pid } = child;
  if (pid === undefined)
    throw new Error(
      `${options.shell} could not be started${startError ? `: ${messageOf(startError)}` : ""}; is the limit of processes reached?`,
    );

  let pinnedTo = options.allCores;
  let waiting: ((outcome: Outcome) => void) | null = null;
  const settle = (outcome: Outcome): void => {
    const settled = waiting;
    waiting = null;
    settled?.(outcome);
  };
  readLines(child, (line) => {
    if (line === "P") options.onPinFailed(pinnedTo);
    else settle({ kind: "status", status: Number(line) });
  });

  const helper: Helper = {
    pid,
    get pinnedTo() {
      return pinnedTo;
    },
    run(lines, cores, onOutcome) {
      waiting = onOutcome;
      const pin = cores === pinnedTo ? "" : pinLine(cores);
      pinnedTo = cores;
      child.stdin.write(pin + lines);
    },
    signal(signal) {
      signalGroup(pid, signal);
    },
    release() {
      child.stdin.end();
    },
  };
  child.on("close", (code, signal) => {
    options.onGone(helper);
    settle({ kind: "gone", signal, problem: signal ? `its shell died of ${signal}` : `its shell ended with ${code}` });
  });
  child.stdin.write("trap : TERM INT HUP QUIT USR1 USR2\n");
  return helper;
}

/** Signals a process group; false where there is none any more. */
export function signalGroup(group: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-group, signal);
  } catch {
    return false;
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
