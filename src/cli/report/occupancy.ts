/** How many slots were busy, averaged over each of many equal stretches of time. */
export interface OccupancyInput {
  readonly intervals: readonly { readonly startMs: number; readonly endMs: number }[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly columns: number;
}

/**
 * The mean number of intervals that cover each column of time. Work is proportional to intervals plus columns: an interval
 * touches its two end columns and the ends of a difference array between them.
 */
export function meanOccupancy({ intervals, fromMs, toMs, columns }: OccupancyInput): Float64Array {
  const occupancy = new Float64Array(columns);
  const steps = new Float64Array(columns + 1);
  const perMs = columns / (toMs - fromMs);
  const add = (target: Float64Array, index: number, amount: number) => {
    target[index] = (target[index] ?? 0) + amount;
  };
  for (const { startMs, endMs } of intervals) {
    const start = Math.max((startMs - fromMs) * perMs, 0);
    const end = Math.min((endMs - fromMs) * perMs, columns);
    if (!(end > start)) continue;
    const first = Math.min(Math.floor(start), columns - 1);
    const last = Math.min(Math.floor(end), columns - 1);
    if (first === last) {
      add(occupancy, first, end - start);
      continue;
    }
    add(occupancy, first, first + 1 - start);
    add(occupancy, last, end - last);
    add(steps, first + 1, 1);
    add(steps, last, -1);
  }
  let level = 0;
  for (let column = 0; column < columns; column++) {
    level += steps[column] ?? 0;
    add(occupancy, column, level);
  }
  return occupancy;
}
