import type { Ordering } from "../../../model/filter.ts";
import { JOB_STATES } from "../../../model/states.ts";

export type Key = string | number;
/** A found job: its id and the values it is ordered by. */
export type Row = { readonly id: number; readonly keys: readonly Key[] };

/** Rows of two windows in one order, the database's own: numbers by value, states by rank, text by its bytes. */
export function mergeRows(left: readonly Row[], right: readonly Row[], ordering: readonly Ordering[]): Row[] {
  return [...left, ...right].sort((a, b) => compareRows(a, b, ordering));
}

function compareRows(a: Row, b: Row, ordering: readonly Ordering[]): number {
  for (const [index, { field, descending }] of ordering.entries()) {
    const order = compareKeys(a.keys[index] ?? 0, b.keys[index] ?? 0, field);
    if (order !== 0) return descending ? -order : order;
  }
  return 0;
}

function compareKeys(a: Key, b: Key, field: string): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (field === "state") return stateRank(a) - stateRank(b);
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}

const stateRank = (state: Key): number => (JOB_STATES as readonly Key[]).indexOf(state);
