import { startTaskShell, type TaskShell, type TaskShellOptions } from "./task-shell.ts";

/** The task shells of one agent. */
export interface TaskShellPool {
  /** A task shell for a task on these cores: an idle one that is pinned there if there is one. Throws where none can be started. */
  take(cores: string): TaskShell;
  /** Takes back a task shell whose task has ended; the one that has idled longest goes when too many do. */
  giveBack(taskShell: TaskShell): void;
  /** Ends a task shell and everything in its group at once. */
  destroy(taskShell: TaskShell): void;
  /** Lets all idle task shells go. */
  close(): void;
  readonly idle: number;
  readonly total: number;
}

export interface TaskShellPoolOptions extends Omit<TaskShellOptions, "onGone"> {
  readonly maxIdle: number;
  /** Told of every group that begins and ends, for the reaper. */
  readonly onGroup: (change: "begins" | "ends", group: number) => void;
}

/** Keeps task shells between tasks. */
export function createTaskShellPool(options: TaskShellPoolOptions): TaskShellPool {
  const all = new Set<TaskShell>();
  /** Longest idle first. */
  const idle = new Set<TaskShell>();

  const forget = (taskShell: TaskShell): void => {
    idle.delete(taskShell);
    if (all.delete(taskShell)) options.onGroup("ends", taskShell.pid);
  };
  const start = (): TaskShell => {
    const taskShell = startTaskShell({ ...options, onGone: forget });
    all.add(taskShell);
    options.onGroup("begins", taskShell.pid);
    return taskShell;
  };

  return {
    take(cores) {
      let chosen: TaskShell | undefined;
      for (const taskShell of idle)
        if (taskShell.pinnedTo === cores) {
          chosen = taskShell;
          break;
        }
      // Pinning an idle task shell anew costs one process, starting another one more; so many core lists share the task shells.
      if (chosen === undefined && all.size >= options.maxIdle) [chosen] = idle;
      if (chosen === undefined) return start();
      idle.delete(chosen);
      return chosen;
    },
    giveBack(taskShell) {
      if (!all.has(taskShell)) return;
      idle.add(taskShell);
      if (idle.size <= options.maxIdle) return;
      const [longest] = idle;
      idle.delete(longest as TaskShell);
      longest?.release();
    },
    destroy(taskShell) {
      idle.delete(taskShell);
      taskShell.signal("SIGKILL");
    },
    close() {
      for (const taskShell of idle) taskShell.release();
      idle.clear();
    },
    get idle() {
      return idle.size;
    },
    get total() {
      return all.size;
    },
  };
}
