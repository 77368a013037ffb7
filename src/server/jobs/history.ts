import type { JobEvent } from "../../client/wire/entities.ts";
import type { Queryable } from "../database/index.ts";

/** The columns of an event as the wire has them. */
export const EVENT_COLUMNS = `e.id, e.job_id AS "jobId", e.at, e.from_state AS "from", e.path::text[] AS path, e.attempt,
  e.session_id AS "sessionId", e.batch_job_id AS "batchJobId", e.stale, coalesce(e.data, '{}') AS data`;

/** Every event of a job, from its creation on. */
export async function readHistory(db: Queryable, jobId: number): Promise<JobEvent[]> {
  const { rows } = await db.query<JobEvent>(
    `SELECT ${EVENT_COLUMNS} FROM job_events e WHERE e.job_id = $1 ORDER BY e.id`,
    [jobId],
  );
  return rows;
}
