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
  await tx.query(
    `WITH u AS MATERIALIZED (
       SELECT * FROM json_to_recordset($1::json) AS u(id bigint, state job_state, waiting int, attempt int, losses int, session bigint, kill boolean,
         failure text, reason text, exit int, started timestamptz, ended timestamptz, at timestamptz, old job_state, path job_state[], held bigint, batch bigint, data jsonb)
     ), life AS (
       UPDATE job_life SET state = u.state, waiting_for = u.waiting, attempt = u.attempt, losses = u.losses, session_id = u.session,
         kill_requested = coalesce(u.kill, false), failure = u.failure, reason = CASE WHEN u.path IS NULL THEN job_life.reason ELSE coalesce(u.reason, '') END,
         exit_code = CASE WHEN u.started IS NULL THEN coalesce(u.exit, job_life.exit_code) ELSE u.exit END,
         started = coalesce(u.started, job_life.started),
         ended = CASE WHEN u.started IS NULL THEN coalesce(u.ended, job_life.ended) ELSE u.ended END,
         updated = $2, hook_until = NULL
       FROM u WHERE job_life.id = u.id
     )
     INSERT INTO job_events (job_id, at, from_state, path, attempt, session_id, batch_job_id, data)
     SELECT id, at, old, path, attempt, held, batch, data FROM u WHERE path IS NOT NULL`,
    [JSON.stringify(changes.map(toRecord)), new Date(now)],
  );
}

/** Absent keys are NULL. */
function toRecord({ before, after, path, ...change }: Change): Record<string, unknown> {
  const reason = change.reason === "" ? undefined : change.reason;
  const startedAt = change.startedAt === null ? undefined : new Date(change.startedAt);
  return {
    id: after.id,
    state: after.state,
    waiting: after.waitingFor,
    attempt: after.attempt,
    losses: after.losses,
    session: after.sessionId ?? undefined,
    kill: after.killRequested || undefined,
    failure: after.failure ?? undefined,
    reason,
    exit: change.exitCode ?? undefined,
    started: startedAt,
    ended: change.endedAt === null ? undefined : new Date(change.endedAt),
    at: new Date(change.at),
    old: before.state,
    path: path.length === 0 ? undefined : `{${path.join(",")}}`,
    held: before.sessionId ?? undefined,
    batch: before.batchJobId ?? undefined,
    data: eventData({ ...change.data, reason, startedAt: path.length > 1 ? startedAt : undefined }),
  };
}

function eventData(data: Record<string, unknown>): Record<string, unknown> | undefined {
  return Object.values(data).some((value) => value !== undefined) ? data : undefined;
}
