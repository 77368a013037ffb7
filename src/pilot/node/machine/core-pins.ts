import { formatCoreList } from "./cores.ts";

/** Decides what a task is pinned to. */
export interface CorePins {
  /** What a process of the agent may run on when nothing pins it. */
  readonly all: string;
  /** The core list for a task, `all` where it cannot be pinned. */
  coresFor(cores: readonly number[] | null): string;
  pinFailed(cores: string): void;
}

export interface CorePinsOptions {
  readonly own: readonly number[];
  /** Whether there is a `taskset`. */
  readonly canPin: boolean;
  readonly note: (text: string) => void;
}

/**
 * Pins only to cores the agent itself may use. Where more were promised than there are (a laptop that plays a
 * node of 64 cores), tasks run unpinned, and that is said once.
 */
export function createCorePins({ own, canPin, note }: CorePinsOptions): CorePins {
  const all = formatCoreList(own);
  const mine = new Set(own);
  const said = new Set<string>();
  const sayOnce = (kind: string, text: string): void => {
    if (said.has(kind)) return;
    said.add(kind);
    note(text);
  };
  return {
    all,
    coresFor(cores) {
      if (cores === null || cores.length === 0) return all;
      if (!cores.every((core) => mine.has(core))) {
        sayOnce(
          "missing",
          `cores ${formatCoreList(cores)} were promised, but this agent may use only ${all}: such tasks run unpinned`,
        );
        return all;
      }
      if (canPin) return formatCoreList(cores);
      sayOnce("taskset", "there is no taskset here: tasks run unpinned");
      return all;
    },
    pinFailed(cores) {
      sayOnce("failed", `taskset could not pin to cores ${cores}: such tasks run unpinned`);
    },
  };
}
