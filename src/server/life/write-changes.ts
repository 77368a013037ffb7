import type { Queryable } from "../database/index.ts";
import type { Change } from "./decide.ts";

/**
 * Writes what was decided: the rows of `job_life`, and one event for each job that moved, in one statement.
 *
 * The batch travels as one JSON document. Measured for 1,000 jobs on PostgreSQL 15, backend CPU: 13.0 ms; unnest over 13
 * arrays, 12.6 ms, but more for writing them here; two statements, 12.2 ms and a round trip more. Of it the events'
 * foreign key alone took 3.3 ms, so there is none.
 */
export async function writeChanges(tx: Queryable, changes: readonly Change[], now: number): Promise<void> {
  if (changes.length === 0) return;
  await tx.query(WRITE, [JSON.stringify(changes.map(toRecord)), new Date(now)]);
}

const WRITE = `
WITH u AS MATERIALIZED (
  SELECT * FROM json_to_recordset($1::json) AS u(i bigint, s job_state, w int, n int, l int, h bigint, k boolean, f text, r text, x int, b float8, e float8, a float8, o job_state, p job_state[], v bigint, j bigint, d jsonb)
), life AS (
  UPDATE job_life SET state = u.s, waiting_for = coalesce(u.w, 0), attempt = coalesce(u.n, 0), losses = coalesce(u.l, 0), session_id = u.h,
    kill_requested = coalesce(u.k, false), failure = u.f, reason = CASE WHEN u.p IS NULL THEN job_life.reason ELSE coalesce(u.r, '') END,
    exit_code = CASE WHEN u.b IS NULL THEN coalesce(u.x, job_life.exit_code) ELSE u.x END,
    started = coalesce(to_timestamp(u.b), job_life.started),
    ended = CASE WHEN u.b IS NULL THEN coalesce(to_timestamp(u.e), job_life.ended) ELSE to_timestamp(u.e) END,
    updated = $2, hook_until = NULL
  FROM u WHERE job_life.id = u.i
)
INSERT INTO job_events (job_id, at, from_state, path, attempt, session_id, batch_job_id, data)
SELECT i, to_timestamp(a), o, p, coalesce(n, 0), v, j, d FROM u WHERE p IS NOT NULL`;

/** Short keys, and none for what is null, zero or empty: it is 1,000 times over. Times are seconds, as to_timestamp takes them. */
function toRecord({ before, after, path, ...change }: Change): Record<string, unknown> {
  const { reason, startedAt, endedAt } = change;
  return {
    i: after.id,
    s: after.state,
    w: after.waitingFor || undefined,
    n: after.attempt || undefined,
    l: after.losses || undefined,
    h: after.sessionId ?? undefined,
    k: after.killRequested || undefined,
    f: after.failure ?? undefined,
    r: reason || undefined,
    x: change.exitCode ?? undefined,
    b: startedAt === null ? undefined : startedAt / 1000,
    e: endedAt === null ? undefined : endedAt / 1000,
    a: change.at / 1000,
    o: before.state,
    p: path.length === 0 ? undefined : `{${path.join(",")}}`,
    v: before.sessionId ?? undefined,
    j: before.batchJobId ?? undefined,
    d: eventData(change, path.length),
  };
}

/** Why, and when the attempt began where the path tells of more than that. */
function eventData(
  { data, reason, startedAt }: Pick<Change, "data" | "reason" | "startedAt">,
  steps: number,
): object | undefined {
  const hasStart = startedAt !== null && steps > 1;
  if (reason === "" && !hasStart) return data ?? undefined;
  return {
    ...data,
    ...(reason === "" ? {} : { reason }),
    ...(hasStart ? { startedAt: new Date(startedAt).toISOString() } : {}),
  };
}
