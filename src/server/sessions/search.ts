import type { Database } from "../database/index.ts";
import { keepToIndexes } from "../life/index.ts";
import type { Free } from "./fit.ts";
import { boundsOf, FITS, IS_RUNNABLE, type Wish } from "./runnable.ts";

/** Jobs looked at in one statement: some 40 ms on PGlite, whose one connection others wait for. */
const WINDOW_JOBS = 20_000;

type Place = { readonly urgency: number; readonly id: number };
type Window = { readonly ids: number[]; readonly size: number; readonly last: Place | null };

/**
 * Ids of runnable jobs that have the wanted tags and apps and may fit, in order. The index knows nothing of tags, so all
 * jobs in front are read, in windows of which each is a transaction of its own: however many others stand in front, those
 * behind them are found, and nobody waits for it. They are not locked yet.
 */
export async function searchRunnable(
  db: Database,
  wish: Wish,
  { free, most, signal }: { free: Free | null; most: number; signal: AbortSignal },
): Promise<number[]> {
  const bounds = boundsOf(wish, free);
  const found: number[] = [];
  let from: Place | null = { urgency: -UNBOUNDED, id: 0 };
  while (bounds !== null && from !== null && found.length < most && !signal.aborted) {
    const window = await lookThrough(db, wish, { bounds, from, most: most - found.length });
    found.push(...window.ids);
    from = window.size < WINDOW_JOBS ? null : window.last;
  }
  return found;
}

async function lookThrough(
  db: Database,
  wish: Wish,
  { bounds, from, most }: { bounds: readonly number[]; from: Place; most: number },
): Promise<Window> {
  return db.transaction(async (tx) => {
    await keepToIndexes(tx, "in order");
    const { rows } = await tx.query<{ ids: number[]; size: number; urgency: number | null; id: number | null }>(
      SEARCH,
      [...bounds, from.urgency, from.id, wish.tags, wish.apps, most, [...wish.never]],
    );
    const { ids = [], size = 0, urgency = null, id = null } = rows[0] ?? {};
    return { ids, size, last: urgency === null || id === null ? null : { urgency, id } };
  });
}

const SEARCH = `
WITH seen AS MATERIALIZED (
  SELECT id, -priority AS urgency, app_id FROM job_life
  WHERE ${IS_RUNNABLE} AND ${FITS} AND (-priority, id) > ($8::int, $9::bigint) ORDER BY -priority, id LIMIT ${WINDOW_JOBS}
), wanted AS (
  SELECT id FROM seen
  WHERE ($10::jsonb IS NULL OR EXISTS (SELECT FROM jobs j WHERE j.id = seen.id AND j.tags @> $10::jsonb))
    AND ($11::text[] = '{}' OR app_id IN (SELECT a.id FROM apps a WHERE a.site_id = $1 AND a.name = ANY ($11::text[])))
    AND id <> ALL ($13::bigint[])
  LIMIT $12
), last AS (
  SELECT max(urgency) AS urgency FROM seen
)
SELECT ARRAY(SELECT id FROM wanted) AS ids, (SELECT count(*) FROM seen) AS size, urgency, (SELECT max(id) FROM seen WHERE seen.urgency = last.urgency) AS id FROM last`;

const UNBOUNDED = 2_147_483_647;
