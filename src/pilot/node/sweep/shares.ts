import type { SharedTask, SharedTaskEnd, TaskCleared } from "../../link/messages.ts";
import { findTaskProcesses } from "./processes.ts";

/** Tasks over several nodes that this node has a share of. */
export interface Shares {
  begin(tasks: readonly SharedTask[]): void;
  /** Looks until nothing of these is left, and says so. */
  end(tasks: readonly SharedTaskEnd[]): void;
  /** Kills whatever is left of any; resolves once nothing is, or cannot be. */
  endAll(): Promise<void>;
}

export interface SharesOptions {
  readonly onCleared: (tasks: readonly TaskCleared[]) => void;
  /** Told which tasks are here, for whoever ends them when this process cannot. */
  readonly onChange: (change: "begins" | "ends", task: SharedTask) => void;
}

/** Ranks still say goodbye to each other when their launcher is gone already. */
const leaveAloneMs = 300;
const betweenTermAndKillMs = 1000;
/** How long a killed process may take to go before it is called stuck. */
const patienceMs = 5000;
const betweenLooksMs = 5;
const leastRest = 3;

interface Ending extends SharedTaskEnd {
  readonly since: number;
  readonly termAt: number;
  readonly killAt: number;
  readonly asked: Set<number>;
}

/** All that end at one time share a look through /proc; nothing is looked for while none does. */
export function createShares({ onCleared, onChange }: SharesOptions): Shares {
  const here = new Map<string, SharedTask>();
  const ending = new Map<string, Ending>();
  let planned: NodeJS.Timeout | null = null;
  let whenClear: (() => void)[] = [];

  const look = (): void => {
    planned = null;
    const begin = performance.now();
    const found = new Map<string, Map<string, number[]>>();
    for (const { agent } of ending.values()) if (!found.has(agent)) found.set(agent, findTaskProcesses(agent));
    const cleared: TaskCleared[] = [];
    for (const task of [...ending.values()]) {
      const pids = found.get(task.agent)?.get(task.task) ?? [];
      const isStuck = begin > task.killAt + patienceMs;
      if (pids.length > 0 && !isStuck) signalTask(task, pids, begin);
      else {
        ending.delete(task.task);
        here.delete(task.task);
        onChange("ends", task);
        cleared.push({ task: task.task, left: pids });
      }
    }
    if (cleared.length > 0) onCleared(cleared);
    if (ending.size > 0) plan(Math.max(betweenLooksMs, leastRest * (performance.now() - begin)));
    else for (const resolve of whenClear.splice(0)) resolve();
  };
  const plan = (ms: number): void => {
    if (planned === null) planned = setTimeout(look, ms);
  };

  const end = (tasks: readonly SharedTaskEnd[]): void => {
    const since = performance.now();
    for (const task of tasks) {
      const termAt = since + (task.isForced ? 0 : leaveAloneMs);
      const killAt = task.isForced ? since : termAt + betweenTermAndKillMs;
      ending.set(task.task, { ...task, since, termAt, killAt, asked: new Set() });
    }
    if (ending.size > 0) plan(0);
  };
  return {
    begin(tasks) {
      for (const task of tasks) {
        here.set(task.task, task);
        onChange("begins", task);
      }
    },
    end,
    async endAll() {
      end([...here.values()].map((task) => ({ ...task, isForced: true })));
      if (ending.size > 0) await new Promise<void>((resolve) => whenClear.push(resolve));
      whenClear = [];
    },
  };
}

function signalTask({ termAt, killAt, asked }: Ending, pids: readonly number[], now: number): void {
  if (now < termAt) return;
  for (const pid of pids) {
    if (now < killAt && asked.has(pid)) continue;
    asked.add(pid);
    try {
      process.kill(pid, now < killAt ? "SIGTERM" : "SIGKILL");
    } catch {
      // Gone already.
    }
  }
}
