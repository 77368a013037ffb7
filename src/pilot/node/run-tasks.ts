import { messageOf } from "../../model/errors.ts";
import type { EndReason, EndRequest, GpuKind, TaskEnd, TaskSpec, TaskStart } from "../link/messages.ts";
import { describeEnd, describeNotStarted, describeStopped } from "./finish/task-end.ts";
import type { CorePins } from "./machine/core-pins.ts";
import { taskEnvironment } from "./prepare/environment.ts";
import { patternSegments } from "./prepare/glob.ts";
import { bringInputs } from "./prepare/inputs.ts";
import type { PrivateFiles } from "./prepare/private-files.ts";
import { keepEarlierOutput, requireFileName, type WorkdirRoot } from "./prepare/workdir.ts";
import type { Helper, Outcome } from "./shell/helper.ts";
import type { HelperPool } from "./shell/helper-pool.ts";
import { programText, taskLines } from "./shell/script.ts";
import type { Sweeper } from "./sweep/sweeper.ts";

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
  readonly pool: HelperPool;
  readonly pins: CorePins;
  readonly root: WorkdirRoot;
  readonly privateFiles: PrivateFiles;
  readonly sweeper: Sweeper;
  readonly gpuKinds: readonly GpuKind[];
  /** What commands are looked up on, and what shell takes those that are not simple. */
  readonly path: string;
  readonly bash: string;
  readonly functions: string;
  readonly now: () => number;
  readonly report: Report;
}

export interface Report {
  started(start: TaskStart): void;
  ended(end: TaskEnd): void;
  note(text: string): void;
}

/** A task between `start` and `ended`. It first waits for another's end, then for its files, then for its process. */
interface Running {
  readonly spec: TaskSpec;
  phase: "waiting" | "preparing" | "running" | "ending";
  helper: Helper | null;
  startedAt: number;
  asked: EndReason | null;
  /** When SIGKILL is due once it was asked to end, on a clock that does not jump. */
  killAt: number;
  killTimer: NodeJS.Timeout | null;
  limitTimer: NodeJS.Timeout | null;
}

/** Makes a runner without tasks. */
export function createTaskRunner(options: TaskRunnerOptions): TaskRunner {
  const { pool, sweeper, privateFiles, report, now } = options;
  const tasks = new Map<string, Running>();
  let whenEmpty: (() => void)[] = [];
  /** Who waits for a task's end. */
  const followers = new Map<string, Running[]>();

  /** The next task begins before this one's end is looked into: it is what the machine waits for. */
  const leave = (running: Running, describe: () => TaskEnd): void => {
    const { spec } = running;
    tasks.delete(spec.task);
    const next = followers.get(spec.task) ?? [];
    followers.delete(spec.task);
    // Unless that would move aside the files that tell how this one ended.
    const early = next.some((follower) => follower.spec.workdir === spec.workdir) ? describe() : null;
    for (const follower of next) if (follower.phase === "waiting") prepare(follower);
    privateFiles.remove(spec);
    report.ended(early ?? describe());
    if (tasks.size > 0) return;
    for (const resolve of whenEmpty) resolve();
    whenEmpty = [];
  };

  const prepare = (running: Running): void => {
    running.phase = "preparing";
    const refuse = (error: unknown): void =>
      leave(running, () => describeNotStarted(running.spec, now(), messageOf(error)));
    try {
      const copying = prepareFiles(running.spec, options.root);
      if (copying === null) launch(running);
      else copying.then(() => launch(running)).catch(refuse);
    } catch (error) {
      refuse(error);
    }
  };

  const launch = (running: Running): void => {
    const { spec, asked } = running;
    if (asked !== null) {
      leave(running, () => describeStopped(spec, now(), asked));
      return;
    }
    const jobFile = privateFiles.writeJobFile(spec);
    const environment = taskEnvironment({ spec, jobFile, gpuKinds: options.gpuKinds });
    const program = programText({
      command: spec.command,
      preamble: spec.preamble,
      path: environment.get("PATH") ?? options.path,
      bash: options.bash,
      functions: options.functions,
      saveLongText: (text) => privateFiles.writeCommand(spec, text),
    });
    const { workdir, stdout, stderr } = spec;
    const lines = taskLines({ workdir, stdout, stderr, environment, program });
    const cores = options.pins.coresFor(spec.cores);
    const helper = pool.take(cores);
    running.phase = "running";
    running.helper = helper;
    running.startedAt = now();
    helper.run(lines, cores, (outcome) => onOutcome(running, helper, outcome));
    report.started({ task: spec.task, at: running.startedAt, pid: helper.pid });
    if (spec.limitSec !== null) watchLimit(running, performance.now() + spec.limitSec * 1000);
  };

  /** Timers hold at most 24 days. */
  const watchLimit = (running: Running, dueAt: number): void => {
    const wait = dueAt - performance.now();
    running.limitTimer =
      wait > longestTimerMs
        ? setTimeout(watchLimit, longestTimerMs, running, dueAt)
        : setTimeout(ask, wait, running, "limit", running.spec.graceSec);
  };

  const ask = (running: Running, reason: EndReason, graceSec: number): void => {
    const killAt = performance.now() + graceSec * 1000;
    if (running.asked !== null && running.killAt <= killAt) return;
    const isFirst = running.asked === null;
    running.asked ??= reason;
    running.killAt = killAt;
    const { spec, helper } = running;
    if (running.phase === "waiting") {
      running.phase = "ending";
      leave(running, () => describeStopped(spec, now(), reason));
    }
    if (running.phase !== "running" || helper === null) return;
    if (running.killTimer) clearTimeout(running.killTimer);
    running.killTimer = setTimeout(() => helper.signal("SIGKILL"), Math.min(graceSec * 1000, longestTimerMs));
    if (!isFirst) return;
    sweeper.terminate(spec.task, helper.pid);
  };

  const onOutcome = (running: Running, helper: Helper, outcome: Outcome): void => {
    const { spec, asked, startedAt } = running;
    running.phase = "ending";
    if (running.killTimer) clearTimeout(running.killTimer);
    if (running.limitTimer) clearTimeout(running.limitTimer);
    const ended = { spec, startedAt, at: now(), outcome, asked };
    if (asked === null && outcome.kind === "status") {
      pool.giveBack(helper);
      leave(running, () => describeEnd(ended));
      sweeper.taskEnded();
      return;
    }
    // Made to end, it is over only when its children are gone too, those that left its group included.
    pool.destroy(helper);
    void sweeper.killRest(spec.task).then(() => leave(running, () => describeEnd(ended)));
  };

  return {
    start(spec) {
      if (tasks.has(spec.task)) {
        report.note(`task ${spec.task} was started twice; it runs once`);
        return;
      }
      const running: Running = {
        spec,
        phase: "waiting",
        helper: null,
        startedAt: 0,
        asked: null,
        killAt: 0,
        killTimer: null,
        limitTimer: null,
      };
      tasks.set(spec.task, running);
      const { after = null } = spec;
      if (after === null || after === spec.task || !tasks.has(after)) prepare(running);
      else followers.set(after, [...(followers.get(after) ?? []), running]);
    },
    end({ task, reason, graceSec }) {
      const running = tasks.get(task);
      if (running) ask(running, reason, graceSec);
    },
    async endAll(reason, graceSec) {
      // The last to come first: what waits must not take the place of what ends.
      for (const running of [...tasks.values()].reverse()) ask(running, reason, graceSec);
      if (tasks.size === 0) return;
      await new Promise<void>((resolve) => whenEmpty.push(resolve));
    },
    isRunning: (task) => tasks.has(task),
  };
}

const longestTimerMs = 2 ** 31 - 1;

/** Null when everything is in place; a promise while files are being copied. */
function prepareFiles(spec: TaskSpec, root: WorkdirRoot): Promise<void> | null {
  requireFileName(spec.stdout, "stdout");
  requireFileName(spec.stderr, "stderr");
  for (const pattern of spec.outputs) patternSegments(pattern);
  if (root.make(spec.workdir) === "existed") {
    keepEarlierOutput(spec.workdir, spec.stdout, spec.attempt);
    keepEarlierOutput(spec.workdir, spec.stderr, spec.attempt);
  }
  return spec.inputs.length === 0 ? null : bringInputs(spec, root);
}
