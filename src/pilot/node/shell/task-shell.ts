import { type ChildProcess, spawn } from "node:child_process";
import { messageOf } from "../../../model/errors.ts";
import { gated, openGate, pinLine, taskShellStart } from "./script.ts";

/**
 * A task shell is one small shell that runs one task after another: starting a process from it costs a fraction of what it
 * costs from Node. It leads a process group of its own, which its tasks share, so that one signal reaches a task
 * and its children. It catches the signals that end tasks and so survives to tell the exit status; SIGKILL takes it along.
 *
 * A few tasks can be staged behind the one that runs: the shell goes on to them by itself, without the way to
 * this process and back, unless its gate was closed (`holdBack`) before the first ended. A closed gate lets nothing staged pass and
 * prints `S` for it, until the next `run` opens it. Whoever holds back and then lets one whole turn of the event loop
 * pass without hearing of the first task knows that those behind will not run: had the shell come to it before, the first
 * task's line would have been read in that turn. The first one may be skipped too, where it was staged itself and has just begun.
 */
export interface TaskShell {
  /** Also the id of its process group. */
  readonly pid: number;
  /** Cores it is pinned to, as `taskset` writes them. */
  readonly pinnedTo: string;
  readonly isBusy: boolean;
  readonly hasStaged: boolean;
  /** Not before its first task has ended (the signal that holds back might find no trap), nor with the gate closed. */
  readonly canStage: boolean;
  /** Runs a task's lines, pinned first where the cores differ; only while it is not busy. */
  run(lines: string, cores: string, onOutcome: OnOutcome): void;
  /** Puts a task behind those it has, on the same cores. */
  stage(lines: string, onStart: () => void, onOutcome: OnOutcome): void;
  /** Closes the gate before what is staged. */
  holdBack(): void;
  /** Forgets what is staged and known to be held back: all of it, or the task of this outcome. */
  dropStaged(only?: OnOutcome): void;
  /** Signals the task and everything else in the group. */
  signal(signal: NodeJS.Signals): void;
  /** Lets the task shell end by itself once it is idle. */
  release(): void;
}

/** What came of a task: the shell's exit status, its task shell's death, or that it was held back and did not run. */
export type Outcome = Ending | { readonly kind: "skipped" };
export type Ending =
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "gone"; readonly signal: NodeJS.Signals | null; readonly problem: string };
export type OnOutcome = (outcome: Outcome) => void;

export interface TaskShellOptions {
  /** Absolute path of a POSIX shell. */
  readonly shell: string;
  readonly environment: Readonly<Record<string, string>>;
  /** What a new process may run on. */
  readonly allCores: string;
  readonly onPinFailed: (cores: string) => void;
  readonly onGone: (taskShell: TaskShell) => void;
}

/**
 * Tasks staged at most. With one, a task shell of two stood still whenever this process was late: 2,100 tasks a second at two
 * at once, and 2,300 with three (`node bench/spawn/measure.mjs`).
 */
const mostStaged = 3;

/** Starts a task shell; throws where the system starts no more processes. */
export function startTaskShell(options: TaskShellOptions): TaskShell {
  const { child, pid } = startShell(options);
  let pinnedTo = options.allCores;
  /** What each line that comes stands for, in order. */
  let expected: Expected[] = [];
  let isReady = false;
  /** `opening`: said in the pipe, but a signal to close it might still arrive before. A task's own signal may close it, too. */
  let gate: "open" | "closed" | "opening" = "open";

  readLines(child, (line) => {
    isReady = true;
    if (line === "P") {
      options.onPinFailed(pinnedTo);
      return;
    }
    if (line !== "S") gate = gate === "opening" ? "open" : gate;
    else if (gate === "open") gate = "closed";
    const task = expected.shift();
    expected[0]?.onStart();
    task?.onOutcome(line === "S" ? { kind: "skipped" } : { kind: "status", status: Number(line) });
  });

  const taskShell: TaskShell = {
    pid,
    get pinnedTo() {
      return pinnedTo;
    },
    get isBusy() {
      return expected.some((task) => task !== dropped);
    },
    get hasStaged() {
      return expected[1]?.isStaged === true;
    },
    get canStage() {
      return isReady && gate === "open" && expected.length >= 1 && expected.length <= mostStaged;
    },
    run(lines, cores, onOutcome) {
      expected.push({ isStaged: false, onStart: () => {}, onOutcome });
      const pin = cores === pinnedTo ? "" : pinLine(cores);
      pinnedTo = cores;
      const open = gate === "closed" ? openGate : "";
      if (gate === "closed") gate = "opening";
      child.stdin.write(open + pin + lines);
    },
    stage(lines, onStart, onOutcome) {
      expected.push({ isStaged: true, onStart, onOutcome });
      child.stdin.write(gated(lines));
    },
    holdBack() {
      gate = "closed";
      signalProcess(pid, "SIGUSR1");
    },
    dropStaged(only) {
      expected = expected.map((task, index) =>
        index > 0 && task.isStaged && (only === undefined || task.onOutcome === only) ? dropped : task,
      );
    },
    signal(signal) {
      signalProcess(-pid, signal);
    },
    release() {
      child.stdin.end();
    },
  };
  child.on("close", (code, signal) => {
    options.onGone(taskShell);
    const [running, ...behind] = expected;
    expected = [];
    for (const task of behind) task.onOutcome({ kind: "skipped" });
    const problem = signal ? `its shell died of ${signal}` : `its shell ended with ${code}`;
    running?.onOutcome({ kind: "gone", signal, problem });
  });
  child.stdin.write(taskShellStart);
  return taskShell;
}

interface Expected {
  readonly isStaged: boolean;
  readonly onStart: () => void;
  readonly onOutcome: OnOutcome;
}

const dropped: Expected = { isStaged: false, onStart: () => {}, onOutcome: () => {} };

function startShell({ shell, environment }: TaskShellOptions) {
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
  // Writing to a task shell that has died; its exit says so.
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
