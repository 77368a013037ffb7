import { findTaskProcesses, groupOf } from "./processes.ts";

/** Ends processes that tasks leave behind. */
export interface Sweeper {
  /**
   * Sends SIGTERM to a task's group, once its process can be seen: sent earlier, the task shell that is about to start it would
   * catch it. Its processes outside of the group (`timeout` and some MPI launchers make their own) get one each.
   */
  terminate(task: string, group: number): void;
  /** Kills whatever is left of a task that was made to end; resolves once nothing is. */
  killRest(task: string): Promise<void>;
  /** Says that a task ended by itself: what it left running is ended within a few seconds. */
  taskEnded(): void;
  close(): void;
}

export interface SweeperOptions {
  /** The agent's name, as in the environment of its processes. */
  readonly agent: string;
  readonly isRunning: (task: string) => boolean;
  /** Told of processes that cannot be killed (they hang in the kernel). */
  readonly onStuck: (task: string, pids: readonly number[]) => void;
  /** Default 1000. */
  readonly leftoverDelayMs?: number;
}

/** How long a killed process may take to go before it is called stuck. */
const patienceMs = 5000;
const betweenRoundsMs = 5;
/** A process that wiped its environment is never seen: its group is signalled after this time. */
const unseenMs = 1000;
/** Looking through /proc may take a hundredth of the time. */
const restPerWork = 100;

/**
 * All requests of one moment share a look through /proc (10 to 20 microseconds a process), and nothing is looked for
 * while no task ends.
 */
export function createSweeper(options: SweeperOptions): Sweeper {
  const { agent, isRunning, leftoverDelayMs = 1000 } = options;
  const wanted = new Map<string, { since: number; resolve: () => void }>();
  const terminating = new Map<string, { since: number; group: number }>();
  let planned: NodeJS.Timeout | null = null;
  let leftovers: NodeJS.Timeout | null = null;
  let closed = false;
  /** Processes asked once to end. */
  let asked = new Set<number>();

  const round = (): void => {
    planned = null;
    const found = findTaskProcesses(agent);
    for (const [task, { since, group }] of terminating) {
      if (!isRunning(task)) terminating.delete(task);
      if (!terminating.has(task)) continue;
      const pids = found.get(task);
      if (pids === undefined && performance.now() - since < unseenMs) continue;
      terminating.delete(task);
      kill(-group, "SIGTERM");
      // A stopped process acts on SIGTERM only when it goes on.
      kill(-group, "SIGCONT");
      for (const pid of pids ?? []) if (groupOf(pid) !== group) kill(pid, "SIGTERM");
    }
    for (const [task, { since, resolve }] of wanted) {
      const pids = found.get(task);
      const isStuck = pids !== undefined && performance.now() - since > patienceMs;
      if (isStuck) options.onStuck(task, pids);
      if (pids === undefined || isStuck) {
        wanted.delete(task);
        resolve();
      } else for (const pid of pids) kill(pid, "SIGKILL");
    }
    if (wanted.size + terminating.size > 0 && !closed) planned = setTimeout(round, betweenRoundsMs);
  };

  const sweepLeftovers = (): void => {
    leftovers = null;
    const begin = performance.now();
    const remaining = new Set<number>();
    for (const [task, pids] of findTaskProcesses(agent)) {
      if (isRunning(task) || wanted.has(task)) continue;
      for (const pid of pids) {
        kill(pid, asked.has(pid) ? "SIGKILL" : "SIGTERM");
        remaining.add(pid);
      }
    }
    asked = remaining;
    const tookMs = performance.now() - begin;
    delayMs = Math.max(leftoverDelayMs, tookMs * restPerWork);
    if (remaining.size > 0) schedule();
  };
  let delayMs = leftoverDelayMs;
  const schedule = (): void => {
    if (!closed) leftovers ??= setTimeout(sweepLeftovers, delayMs);
  };

  return {
    terminate(task, group) {
      terminating.set(task, { since: performance.now(), group });
      planned ??= setTimeout(round, 0);
    },
    killRest(task) {
      return new Promise((resolve) => {
        terminating.delete(task);
        wanted.set(task, { since: performance.now(), resolve });
        planned ??= setTimeout(round, 0);
      });
    },
    taskEnded: schedule,
    close() {
      closed = true;
      if (planned) clearTimeout(planned);
      if (leftovers) clearTimeout(leftovers);
    },
  };
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}
