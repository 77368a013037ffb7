/** What is known about why a job is where it is: read from the database, judged in words.ts. */
import type { BatchState, Job, JobEvent } from "../../../client/wire/entities.ts";
import type { JobState } from "../../../model/states.ts";
import type { Queryable } from "../../database/index.ts";
import { readHistory } from "../history.ts";

export type ParentFact = {
  readonly id: number;
  readonly state: JobState | null;
  readonly when: "ok" | "any" | "failed";
};
export type TransferFact = {
  readonly id: number;
  readonly direction: "in" | "out";
  readonly location: string;
  readonly remotePath: string;
  readonly state: string;
};
export type PilotFact = {
  readonly id: number;
  readonly batchJobId: number | null;
  readonly nodes: number;
  readonly capacity: { readonly cores: number; readonly gpus: number; readonly memoryBytes: number };
  readonly filterTags: Readonly<Record<string, string>>;
  /** Minutes left in its allocation; null = no end. */
  readonly wallTimeLeftMin: number | null;
  readonly running: number;
};
export type BatchFact = {
  readonly id: number;
  readonly state: BatchState;
  readonly reason: string;
  readonly filterTags: Readonly<Record<string, string>>;
};
export type SiteFact = { readonly name: string; readonly path: string; readonly lastSeen: string | null };
export type Facts = {
  readonly job: Job;
  readonly site: SiteFact;
  /** Dependencies not yet met, at most MOST. */
  readonly parents: readonly ParentFact[];
  readonly parentsOpen: number;
  readonly transfers: readonly TransferFact[];
  readonly hook: { readonly wanted: boolean; readonly until: string | null };
  readonly pilots: readonly PilotFact[];
  readonly batchJobs: readonly BatchFact[];
  /** Runnable jobs of the site that go first, counted up to MOST_AHEAD. */
  readonly ahead: number;
  readonly history: readonly JobEvent[];
};

/** The most of a kind that an explanation names. */
export const MOST = 10;
export const MOST_AHEAD = 1000;

/** Reads the facts about a job that the caller may see. */
export async function readFacts(db: Queryable, job: Job, now: number): Promise<Facts> {
  const one = async <T>(sql: string, ...params: unknown[]): Promise<T[]> => (await db.query<T>(sql, params)).rows;
  const [site] = await one<SiteFact>(`SELECT name, path, last_seen AS "lastSeen" FROM sites WHERE id = $1`, job.siteId);
  const isWaiting = job.state === "PREPROCESSED" || job.state === "RESTART_READY";
  const isStaging = job.state === "READY" || job.state === "POSTPROCESSED";
  const parents = job.state === "AWAITING_PARENTS" ? await one<ParentFact>(PARENTS, job.id) : [];
  const [hook] = await one<Facts["hook"]>(HOOK, job.id);
  const [ahead] = isWaiting ? await one<{ n: number }>(AHEAD, job.siteId, job.priority, job.id, MOST_AHEAD) : [];
  return {
    job,
    site: site ?? { name: job.site, path: "", lastSeen: null },
    parents: parents.slice(0, MOST),
    parentsOpen: parents.length,
    transfers: isStaging ? await one<TransferFact>(TRANSFERS, job.id, job.state === "READY" ? "in" : "out") : [],
    hook: hook ?? { wanted: false, until: null },
    pilots: await one<PilotFact>(PILOTS, job.siteId, new Date(now)),
    batchJobs: isWaiting ? await one<BatchFact>(BATCH_JOBS, job.siteId) : [],
    ahead: ahead?.n ?? 0,
    history: await readHistory(db, job.id),
  };
}

const PARENTS = `
SELECT d.parent_id AS id, p.state, d.condition AS "when" FROM job_dependencies d LEFT JOIN job_life p ON p.id = d.parent_id
WHERE d.child_id = $1 AND NOT d.met ORDER BY d.parent_id`;

const TRANSFERS = `
SELECT id, direction, location, remote_path AS "remotePath", state FROM transfers
WHERE job_id = $1 AND direction = $2 AND state <> 'done' ORDER BY id`;

const HOOK = `
SELECT (state = 'STAGED_IN' AND has_preprocess) OR (state = 'RUN_DONE' AND has_postprocess)
  OR (state = 'RUN_ERROR' AND has_on_error) OR (state = 'RUN_TIMEOUT' AND has_on_timeout) AS wanted, hook_until AS until
FROM job_life WHERE id = $1`;

const PILOTS = `
SELECT e.id, e.batch_job_id AS "batchJobId", e.nodes, e.capacity, coalesce(b.filter_tags, '{}') AS "filterTags",
  b.wall_time_min - extract(epoch FROM $2::timestamptz - b.started)::float8 / 60 AS "wallTimeLeftMin",
  (SELECT count(*) FROM job_life l WHERE l.session_id = e.id AND l.state = 'RUNNING') AS running
FROM sessions e LEFT JOIN batch_jobs b ON b.id = e.batch_job_id
WHERE e.site_id = $1 AND e.ended IS NULL ORDER BY e.id`;

/** Those that may still come, and the last that could not be submitted. */
const BATCH_JOBS = `
(SELECT id, state, reason, filter_tags AS "filterTags" FROM batch_jobs
  WHERE site_id = $1 AND state IN ('pending_submission', 'queued', 'running') ORDER BY id LIMIT 100)
UNION ALL
(SELECT id, state, reason, filter_tags FROM batch_jobs WHERE site_id = $1 AND state = 'submit_failed' ORDER BY id DESC LIMIT 1)`;

const AHEAD = `
SELECT count(*) AS n FROM (
  SELECT 1 FROM job_life WHERE site_id = $1 AND state IN ('PREPROCESSED', 'RESTART_READY') AND session_id IS NULL
    AND (priority > $2 OR (priority = $2 AND id < $3)) LIMIT $4) AS before`;
