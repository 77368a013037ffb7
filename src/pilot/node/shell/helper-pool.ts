import { type Helper, type HelperOptions, startHelper } from "./helper.ts";

/** The helpers of one agent. */
export interface HelperPool {
  /** A helper for a task on these cores: an idle one that is pinned there if there is one. Throws where none can be started. */
  take(cores: string): Helper;
  /** Takes back a helper whose task has ended; the one that has idled longest goes when too many do. */
  giveBack(helper: Helper): void;
  /** Ends a helper and everything in its group at once. */
  destroy(helper: Helper): void;
  /** Lets all idle helpers go. */
  close(): void;
  readonly idle: number;
  readonly total: number;
}

export interface HelperPoolOptions extends Omit<HelperOptions, "onGone"> {
  readonly maxIdle: number;
  /** Told of every group that begins and ends, for the reaper. */
  readonly onGroup: (change: "begins" | "ends", group: number) => void;
}

/** Keeps helpers between tasks. */
export function createHelperPool(options: HelperPoolOptions): HelperPool {
  const all = new Set<Helper>();
  /** Longest idle first. */
  const idle = new Set<Helper>();

  const forget = (helper: Helper): void => {
    idle.delete(helper);
    if (all.delete(helper)) options.onGroup("ends", helper.pid);
  };
  const start = (): Helper => {
    const helper = startHelper({ ...options, onGone: forget });
    all.add(helper);
    options.onGroup("begins", helper.pid);
    return helper;
  };

  return {
    take(cores) {
      let chosen: Helper | undefined;
      for (const helper of idle)
        if (helper.pinnedTo === cores) {
          chosen = helper;
          break;
        }
      // Pinning an idle helper anew costs one process, starting another one more; so many core lists share the helpers.
      if (chosen === undefined && all.size >= options.maxIdle) [chosen] = idle;
      if (chosen === undefined) return start();
      idle.delete(chosen);
      return chosen;
    },
    giveBack(helper) {
      if (!all.has(helper)) return;
      idle.add(helper);
      if (idle.size <= options.maxIdle) return;
      const [longest] = idle;
      idle.delete(longest as Helper);
      longest?.release();
    },
    destroy(helper) {
      idle.delete(helper);
      helper.signal("SIGKILL");
    },
    close() {
      for (const helper of idle) helper.release();
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
