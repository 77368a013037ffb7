import { messageOf } from "../../model/errors.ts";
import type { EndReason, EndRequest, TaskEnd, TaskSpec, TaskStart } from "../link/messages.ts";
import { describeEnd, describeNotStarted, describeStopped } from "./finish/task-end.ts";
import type { CorePins } from "./machine/core-pins.ts";
import { bringInputs } from "./prepare/inputs.ts";
import { keepEarlierOutput, type WorkdirRoot } from "./prepare/workdir.ts";
import type { OnOutcome, Outcome, TaskShell } from "./shell/task-shell.ts";
import type { TaskShellPool } from "./shell/task-shell-pool.ts";
import type { Sweeper } from "./sweep/sweeper.ts";
import { checkSpec, type LineSource, makeLines } from "./task-lines.ts";

/** The tasks of one agent, from their start to the report of their end. */
export interface TaskRunner {
  start(spec: TaskSpec): void;
  /** SIGTERM, then SIGKILL after the grace; a task that is not known has ended already. */
  end(request: EndRequest): void;
  /** Ends them all; resolves when none is left. */
  endAll(reason: EndReason, graceSec: number): Promise<void>;
  isRunning(task: string): boolean;
}

export interface TaskRunnerOptions {
  readonly pool: TaskShellPool;
  readonly pins: CorePins;
  readonly root: WorkdirRoot;
  readonly sweeper: Sweeper;
  readonly lines: LineSource;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly report: Report;
}

export interface Report {
  started(start: TaskStart): void;
  /** `isUrgent` where its place would stay empty until the hub hears of it. */
  ended(end: TaskEnd, isUrgent: boolean): void;
  note(text: string): void;
}

/**
 * A task between `start` and `ended`:
 *
 *   waiting ─► preparing ─► running ─► ending        waiting for another's end; its files being copied in
 *      └──► staged ───────────┘                      given to the other's task shell, which goes on to it by itself
 *
 * Told to end, a waiting task leaves at once, a preparing one when its files are there, a staged one when it is
 * certain that its task shell will not go on to it, a running one by signals.
 */
interface Running {
  readonly spec: TaskSpec;
  /** What it waits for. */
  before: Running | null;
  phase: "waiting" | "staged" | "preparing" | "running" | "ending";
  taskShell: TaskShell | null;
  /** By which its task shell knows it while it is staged. */
  onOutcome: OnOutcome;
  startedAt: number;
  asked: EndReason | null;
  /** Asked only if it has not begun. */
  isSpared: boolean;
  /** When SIGKILL is due once it was asked to end, on a clock that does not jump. */
  killAt: number;
  /** Between being asked and this, it may still end by itself. */
  isSignalled: boolean;
  killTimer: NodeJS.Timeout | null;
  limitTimer: NodeJS.Timeout | null;
}

/** Makes a runner without tasks. */
export function createTaskRunner(options: TaskRunnerOptions): TaskRunner {
  const { pool, sweeper, report, now } = options;
  const { privateFiles } = options.lines;
  const tasks = new Map<string, Running>();
  /** Who comes after a task. */
  const followers = new Map<string, Running[]>();
  let whenEmpty: (() => void)[] = [];

  /** The next task begins before this one's end is looked into: it is what the machine waits for. */
  const leave = (running: Running, describe: () => TaskEnd): void => {
    const { spec, before } = running;
    const isInLine =
      (running.phase === "waiting" || running.phase === "staged") && tasks.get(before?.spec.task ?? "") === before;
    running.phase = "ending";
    tasks.delete(spec.task);
    const next = followers.get(spec.task) ?? [];
    followers.delete(spec.task);
    if (isInLine && before) for (const follower of next) follow(follower, before);
    // Unless that would move aside the files that tell how this one ended.
    const early = next.some((follower) => follower.spec.workdir === spec.workdir) ? describe() : null;
    for (const follower of next) if (follower.phase === "waiting" && follower.before === running) prepare(follower);
    privateFiles.remove(spec);
    const isFollowedTwice = next.some((follower) => followers.has(follower.spec.task));
    report.ended(early ?? describe(), !isFollowedTwice);
    if (tasks.size > 0) return;
    for (const resolve of whenEmpty) resolve();
    whenEmpty = [];
  };
  const refuse = (running: Running, error: unknown): void =>
    leave(running, () => describeNotStarted(running.spec, now(), messageOf(error)));
  const stop = (running: Running, reason: EndReason): void =>
    leave(running, () => describeStopped(running.spec, now(), reason));

  const prepare = (running: Running): void => {
    const { spec } = running;
    running.phase = "preparing";
    try {
      checkSpec(spec);
      if (options.root.make(spec.workdir) === "existed") {
        keepEarlierOutput(spec.workdir, spec.stdout, spec.attempt);
        keepEarlierOutput(spec.workdir, spec.stderr, spec.attempt);
      }
      const copying = spec.inputs.length === 0 ? null : bringInputs(spec, options.root);
      if (copying === null) launch(running);
      else copying.then(() => launch(running)).catch((error) => refuse(running, error));
    } catch (error) {
      refuse(running, error);
    }
  };

  const launch = (running: Running): void => {
    const { spec, asked } = running;
    if (asked !== null) {
      stop(running, asked);
      return;
    }
    const lines = makeLines(spec, options.lines);
    const cores = options.pins.coresFor(spec.cores);
    const taskShell = pool.take(cores);
    taskShell.run(lines, cores, (outcome) => onOutcome(running, taskShell, outcome));
    begin(running, taskShell);
  };

  const follow = (running: Running, before: Running): void => {
    running.before = before;
    const { task } = before.spec;
    followers.set(task, [...(followers.get(task) ?? []), running]);
    tryStage(running, before);
  };

  const begin = (running: Running, taskShell: TaskShell): void => {
    running.phase = "running";
    running.taskShell = taskShell;
    // Skipped after all and begun anew, it is not said again.
    if (running.startedAt === 0) report.started({ task: running.spec.task, at: now(), pid: taskShell.pid });
    running.startedAt = now();
    const { limitSec } = running.spec;
    if (limitSec !== null) watchLimit(running, performance.now() + limitSec * 1000);
    stageBehind(running);
  };

  const stageBehind = (first: Running): void => {
    for (const follower of followers.get(first.spec.task) ?? []) {
      tryStage(follower, first);
      if (follower.phase === "staged") stageBehind(follower);
    }
  };

  /** Only what needs nothing but a new workdir: everything else waits until the other task is out of the way. */
  const tryStage = (running: Running, first: Running): void => {
    const { spec } = running;
    const { taskShell } = first;
    const isUnderWay = first.phase === "running" || first.phase === "staged";
    if (running.phase !== "waiting" || !isUnderWay || first.asked !== null || taskShell === null) return;
    if (!taskShell.canStage || spec.inputs.length > 0 || options.pins.coresFor(spec.cores) !== taskShell.pinnedTo)
      return;
    let lines: string;
    try {
      checkSpec(spec);
      if (options.root.make(spec.workdir) === "existed") return;
      lines = makeLines(spec, options.lines);
    } catch (error) {
      refuse(running, error);
      return;
    }
    running.phase = "staged";
    running.taskShell = taskShell;
    running.onOutcome = (outcome) => onOutcome(running, taskShell, outcome);
    taskShell.stage(lines, () => begin(running, taskShell), running.onOutcome);
  };

  const unstageBehind = (first: Running): void => {
    for (const follower of followers.get(first.spec.task) ?? []) {
      if (follower.phase !== "staged") continue;
      unstageBehind(follower);
      unstage(follower);
    }
  };

  const unstage = (running: Running): void => {
    running.phase = "waiting";
    running.taskShell = null;
    privateFiles.remove(running.spec);
  };

  /** Timers hold at most 24 days. */
  const watchLimit = (running: Running, dueAt: number): void => {
    const wait = dueAt - performance.now();
    running.limitTimer =
      wait > longestTimerMs
        ? setTimeout(watchLimit, longestTimerMs, running, dueAt)
        : setTimeout(ask, wait, running, { reason: "limit", graceSec: running.spec.graceSec });
  };

  const ask = (running: Running, { reason, graceSec, onlyWaiting = false }: Omit<EndRequest, "task">): void => {
    if (running.asked !== null && onlyWaiting) return;
    if (running.isSpared) running.asked = null;
    running.isSpared = onlyWaiting;
    const killAt = performance.now() + graceSec * 1000;
    if (running.asked !== null && running.killAt <= killAt) return;
    const isFirst = running.asked === null;
    running.asked ??= reason;
    running.killAt = killAt;
    if (running.isSignalled) setKillTimer(running);
    else if (running.phase === "waiting") stop(running, reason);
    else if (isFirst && (running.phase === "running" || running.phase === "staged")) {
      if (running.phase === "staged" || running.taskShell?.hasStaged) running.taskShell?.holdBack();
      afterWholeTurn(() => signalTask(running));
    }
  };

  const signalTask = (running: Running): void => {
    const { spec, taskShell, asked } = running;
    if (taskShell === null || asked === null) return;
    if (running.phase === "staged") {
      taskShell.dropStaged(running.onOutcome);
      stop(running, asked);
    } else if (running.isSpared) {
      running.isSpared = false;
      running.asked = null;
    } else if (running.phase === "running" && !running.isSignalled) {
      taskShell.dropStaged();
      unstageBehind(running);
      running.isSignalled = true;
      setKillTimer(running);
      sweeper.terminate(spec.task, taskShell.pid);
    }
  };

  const setKillTimer = (running: Running): void => {
    if (running.phase !== "running") return;
    if (running.killTimer) clearTimeout(running.killTimer);
    const wait = Math.max(0, running.killAt - performance.now());
    running.killTimer = setTimeout(() => running.taskShell?.signal("SIGKILL"), Math.min(wait, longestTimerMs));
  };

  const onOutcome = (running: Running, taskShell: TaskShell, outcome: Outcome): void => {
    const { spec, asked, startedAt, isSignalled } = running;
    if (outcome.kind === "skipped") {
      onSkipped(running, taskShell);
      return;
    }
    running.phase = "ending";
    if (running.killTimer) clearTimeout(running.killTimer);
    if (running.limitTimer) clearTimeout(running.limitTimer);
    const ended = { spec, startedAt, at: now(), outcome, asked: isSignalled ? asked : null };
    if (!isSignalled && outcome.kind === "status") {
      if (!taskShell.isBusy) pool.giveBack(taskShell);
      leave(running, () => describeEnd(ended));
      sweeper.taskEnded();
      return;
    }
    // Made to end, it is over only when its children are gone too, those that left its group included.
    pool.destroy(taskShell);
    void sweeper.killRest(spec.task).then(() => leave(running, () => describeEnd(ended)));
  };

  /** Held back, or its task shell died before it came to it; held back by a task that sent SIGUSR1 to its group, too. */
  const onSkipped = (running: Running, taskShell: TaskShell): void => {
    const { asked, phase } = running;
    if (running.limitTimer) clearTimeout(running.limitTimer);
    if (running.killTimer) clearTimeout(running.killTimer);
    if (phase === "running" && !taskShell.isBusy) pool.giveBack(taskShell);
    unstage(running);
    if (asked !== null) stop(running, asked);
    else if (phase === "running") prepare(running);
  };

  return {
    start(spec) {
      if (tasks.has(spec.task)) {
        report.note(`task ${spec.task} was started twice; it runs once`);
        return;
      }
      const running = newTask(spec);
      tasks.set(spec.task, running);
      const first = tasks.get(spec.after ?? "");
      if (first === undefined || first === running) {
        prepare(running);
        return;
      }
      follow(running, first);
    },
    end({ task, reason, graceSec, onlyWaiting = false }) {
      const running = tasks.get(task);
      if (running === undefined) return;
      const isWaiting = running.phase === "waiting" || running.phase === "staged";
      if (!onlyWaiting || isWaiting) ask(running, { reason, graceSec, onlyWaiting });
    },
    async endAll(reason, graceSec) {
      // The last to come first: what waits must not take the place of what ends.
      for (const running of [...tasks.values()].reverse()) ask(running, { reason, graceSec });
      if (tasks.size === 0) return;
      await new Promise<void>((resolve) => whenEmpty.push(resolve));
    },
    isRunning: (task) => tasks.has(task),
  };
}

const longestTimerMs = 2 ** 31 - 1;

const newTask = (spec: TaskSpec): Running => ({
  spec,
  before: null,
  phase: "waiting",
  taskShell: null,
  onOutcome: () => {},
  startedAt: 0,
  asked: null,
  isSpared: false,
  killAt: 0,
  isSignalled: false,
  killTimer: null,
  limitTimer: null,
});

/** Everything that could be read when this was called has been read when the action runs: a whole poll lies between. */
function afterWholeTurn(action: () => void): void {
  setImmediate(() => setImmediate(action));
}
