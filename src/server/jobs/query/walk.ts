/** The walk in windows of ids: one statement each, so that others run in between. */
import type { Ordering } from "../../../model/filter.ts";
import type { Queryable } from "../../database/index.ts";
import type { Key } from "./merge.ts";
import { TUNING } from "./plan.ts";
import type { Window } from "./statements.ts";

type Start = { readonly ordering: readonly Ordering[]; readonly after: readonly Key[] | null };

/** What the statement of a window should take, milliseconds. */
const WINDOW_MS = 30;

/** No job's id is larger. */
const END = Number.MAX_SAFE_INTEGER;

export type Bounds = Window & {
  /** The window of the last ids has no end: whoever joins during the walk is met in it. */
  readonly isOpen: boolean;
};

/** Ids a walk must cover: all of the table's, but where it goes on after a row in id order, only those beyond it. */
export async function idBounds(db: Queryable, find?: Start): Promise<Bounds> {
  const { rows } = await db.query<{ first: number | null; last: number | null }>(
    "SELECT min(id) AS first, max(id) AS last FROM job_life",
  );
  const bounds = { first: rows[0]?.first ?? 1, last: rows[0]?.last ?? 1, isOpen: true };
  const [order] = find?.ordering ?? [];
  const after = find?.after?.[0];
  if (order?.field !== "id" || typeof after !== "number") return bounds;
  return order.descending
    ? { ...bounds, last: Math.min(bounds.last, after - 1), isOpen: false }
    : { ...bounds, first: Math.max(bounds.first, after + 1) };
}

/**
 * Cuts bounds into windows; what the consumer takes for one decides the size of the next. A walk up ends with a window
 * without end: a job that was made before another one ended is never missed where that end is seen.
 */
export async function* windows(
  bounds: Bounds,
  descending: boolean,
  firstWindow: number = TUNING.firstWindow,
): AsyncGenerator<Window> {
  let { first, last } = bounds;
  let size = firstWindow;
  while (first <= last) {
    const window = descending
      ? { first: Math.max(first, last - size + 1), last }
      : { first, last: Math.min(last, first + size - 1) };
    const began = performance.now();
    yield bounds.isOpen && window.last === bounds.last ? { ...window, last: END } : window;
    const took = Math.max(1, performance.now() - began);
    size = Math.max(Math.min(1000, firstWindow), Math.round(size * Math.min(4, Math.max(0.25, WINDOW_MS / took))));
    if (descending) last = window.first - 1;
    else first = window.last + 1;
  }
}
