import type { HookTask } from "../../client/wire/sessions.ts";
import { HOOK_OF_STATE, type JobState } from "../../model/states.ts";
import type { Transaction } from "../database/index.ts";
import { loadJobs } from "../jobs/load.ts";
import { keepToIndexes } from "../life/index.ts";

/**
 * Takes jobs of a site whose hook must run now, oldest first. Whoever does not complete them in time has them taken away:
 * a hook runs at least once, and what it did counts once (`hook_runs`). With `takeOver` they are taken away from an earlier agent.
 */
export async function takeHooks(
  tx: Transaction,
  siteId: number,
  { most, leaseSec, takeOver, now }: { most: number; leaseSec: number; takeOver: boolean; now: number },
): Promise<HookTask[]> {
  await keepToIndexes(tx, "in order");
  const { rows } = await tx.query<{ id: number; failure: string | null }>(
    `UPDATE job_life SET hook_until = $3 WHERE id IN (
       SELECT id FROM job_life
       WHERE site_id = $1 AND ((state = 'STAGED_IN' AND has_preprocess) OR (state = 'RUN_DONE' AND has_postprocess) OR (state = 'RUN_ERROR' AND has_on_error) OR (state = 'RUN_TIMEOUT' AND has_on_timeout))
         AND (hook_until IS NULL OR hook_until < $2 OR $5)
       ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED
     ) RETURNING id, failure`,
    [siteId, new Date(now), new Date(now + leaseSec * 1000), most, takeOver],
  );
  const failures = new Map(rows.map(({ id, failure }) => [id, failure]));
  const jobs = await loadJobs(
    tx,
    [...failures.keys()].sort((a, b) => a - b),
  );
  return jobs.flatMap((job) => {
    const hook = hookOf(job.state);
    return hook === null ? [] : [{ job, hook, failure: failures.get(job.id) ?? null }];
  });
}

/** The hook that moves a job on from a state, if any. */
export function hookOf(state: JobState): HookTask["hook"] | null {
  return state in HOOK_OF_STATE ? HOOK_OF_STATE[state as keyof typeof HOOK_OF_STATE] : null;
}
