import type { TaskInterval } from "./task-interval.ts";

/** One or several tasks drawn as one bar; pixels are relative to the panel. */
export interface Bar {
  readonly row: number;
  left: number;
  right: number;
  readonly colour: string;
  readonly outcome: TaskInterval["outcome"];
  /** The task, if the bar is one task's alone. */
  task?: TaskInterval | undefined;
}

export interface BarOptions {
  readonly rowOf: (interval: TaskInterval) => number;
  readonly colourOf: (app: string) => string;
  /** Pixels from the panel's left edge. */
  readonly place: (ms: number) => number;
  readonly maxBars: number;
}

/** A bar is never drawn thinner, or a short task on an idle node could not be seen. */
const MIN_WIDTH = 0.8;
/** A failure stays visible however many tasks surround it. */
const MIN_FAILED_WIDTH = 2.5;

/**
 * Turn tasks into at most about `maxBars` bars: neighbours on a row merge if they look the same and the gap between them could
 * not be seen, and the size of what cannot be seen doubles until the bars are few enough. Failures come last, on top.
 */
export function makeBars(intervals: readonly TaskInterval[], options: BarOptions): Bar[] {
  const sorted = [...intervals].sort((a, b) => a.startMs - b.startMs);
  for (let grain = 0.5; ; grain *= 2) {
    const bars = mergeBars(sorted, grain, options);
    if (bars.length <= options.maxBars || grain > 1000) return bars;
  }
}

function mergeBars(sorted: readonly TaskInterval[], grain: number, options: BarOptions): Bar[] {
  const lastOfRow = new Map<string, Bar>();
  const bars: { readonly good: Bar[]; readonly bad: Bar[] } = { good: [], bad: [] };
  for (const interval of sorted) {
    const isBad = interval.outcome !== "ok";
    const row = options.rowOf(interval);
    const left = options.place(interval.startMs);
    const width = Math.max(options.place(interval.endMs) - left, isBad ? MIN_FAILED_WIDTH : MIN_WIDTH, grain);
    const colour = options.colourOf(interval.group);
    const layer = `${row} ${isBad}`;
    const last = lastOfRow.get(layer);
    if (last !== undefined && left - last.right < grain / 2) {
      const looksSame = last.colour === colour && last.outcome === interval.outcome;
      const isHidden = left + width - last.right < grain;
      const wasTiny = last.right - last.left <= 2 * grain;
      if (isHidden || (looksSame && (wasTiny || width <= 2 * grain))) {
        last.right = Math.max(last.right, left + width);
        last.task = undefined;
        continue;
      }
    }
    const bar: Bar = { row, left, right: left + width, colour, outcome: interval.outcome, task: interval };
    lastOfRow.set(layer, bar);
    (isBad ? bars.bad : bars.good).push(bar);
  }
  return [...bars.good, ...bars.bad];
}
