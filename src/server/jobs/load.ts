import type { Job } from "../../client/wire/entities.ts";
import type { Queryable } from "../database/index.ts";

type StoredJob = Omit<Job, "parents">;

/** Whole jobs by their ids, in the order of the ids; one that is not there is left out. Who may see them is the caller's business. */
export async function loadJobs(db: Queryable, ids: readonly number[]): Promise<Job[]> {
  if (ids.length === 0) return [];
  const [jobs, edges] = [await db.query<StoredJob>(SELECT_JOBS, [ids]), await db.query<Edge>(SELECT_PARENTS, [ids])];
  const parents = new Map<number, Job["parents"]>();
  for (const { child, job, when } of edges.rows) {
    const list = parents.get(child);
    if (list) list.push({ job, when });
    else parents.set(child, [{ job, when }]);
  }
  const byId = new Map(jobs.rows.map((job) => [job.id, job]));
  return ids.flatMap((id) => {
    const job = byId.get(id);
    return job ? [{ ...job, parents: parents.get(id) ?? [] }] : [];
  });
}

type Edge = { readonly child: number; readonly job: number; readonly when: "ok" | "any" | "failed" };

const SELECT_JOBS = `
SELECT j.id, j.site_id AS "siteId", s.name AS site, j.app_id AS "appId", a.name AS app, j.workdir, l.state, j.inputs,
  j.name, j.workflow, j.tags, j.parameters, j.data, j.environment, l.priority, j.nodes, j.ranks_per_node AS "ranksPerNode",
  j.threads_per_rank AS "threadsPerRank", j.threads_per_core AS "threadsPerCore", j.gpus_per_rank AS "gpusPerRank",
  j.memory_per_node_bytes AS "memoryPerNodeBytes", j.node_packing_count AS "nodePackingCount", j.wall_time_min AS "wallTimeMin",
  j.limit_sec AS "limitSec", j.max_attempts AS "maxAttempts", j.max_losses AS "maxLosses", j.retry_on AS "retryOn",
  j.launch_options AS "launchOptions", l.attempt, l.losses, l.session_id AS "sessionId", l.batch_job_id AS "batchJobId",
  l.exit_code AS "exitCode", l.reason, l.kill_requested AS "killRequested", j.created, l.updated, l.started, l.ended
FROM unnest($1::bigint[]) AS asked(id)
JOIN jobs j ON j.id = asked.id JOIN job_life l ON l.id = asked.id
JOIN sites s ON s.id = j.site_id JOIN apps a ON a.id = j.app_id`;

const SELECT_PARENTS = `
SELECT child_id AS child, parent_id AS job, condition AS "when" FROM job_dependencies
WHERE child_id = ANY($1::bigint[]) ORDER BY child_id, parent_id`;
