import { findTaskProcesses, groupOf } from "./processes.ts";

/** Ends processes that tasks leave behind. */
export interface Sweeper {
  /**
   * Sends SIGTERM to a task's processes that are not in its group, which was signalled already: `timeout` and some MPI
   * launchers make groups of their own.
   */
  terminateOutside(task: string, group: number): void;
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
/** Looking through /proc may take a hundredth of the time. */
const restPerWork = 100;

/**
 * All requests of one moment share a look through /proc (10 to 20 microseconds a process), and nothing is looked for
 * while no task ends.
 */
export function createSweeper(options: SweeperOptions): Sweeper {
  const { agent, isRunning, leftoverDelayMs = 1000 } = options;
  const wanted = new Map<string, { since: number; resolve: () => void }>();
  let outside = new Map<string, number>();
  let round: NodeJS.Timeout | null = null;
  let leftovers: NodeJS.Timeout | null = null;
  let closed = false;
  /** Processes asked once to end. */
  let asked = new Set<number>();

  const killRound = (): void => {
    round = null;
    const found = findTaskProcesses(agent);
    for (const [task, group] of outside)
      for (const pid of found.get(task) ?? []) if (groupOf(pid) !== group) kill(pid, "SIGTERM");
    outside = new Map();
    for (const [task, { since, resolve }] of wanted) {
      const pids = found.get(task);
      const isStuck = pids !== undefined && performance.now() - since > patienceMs;
      if (isStuck) options.onStuck(task, pids);
      if (pids === undefined || isStuck) {
        wanted.delete(task);
        resolve();
      } else for (const pid of pids) kill(pid, "SIGKILL");
    }
    if (wanted.size > 0 && !closed) round = setTimeout(killRound, betweenRoundsMs);
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
    terminateOutside(task, group) {
      outside.set(task, group);
      round ??= setTimeout(killRound, 0);
    },
    killRest(task) {
      return new Promise((resolve) => {
        wanted.set(task, { since: performance.now(), resolve });
        round ??= setTimeout(killRound, 0);
      });
    },
    taskEnded: schedule,
    close() {
      closed = true;
      if (round) clearTimeout(round);
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
