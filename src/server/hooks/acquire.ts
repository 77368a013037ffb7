import type { HookTask } from "../../client/wire/sessions.ts";
import { HOOK_OF_STATE, type JobState } from "../../model/states.ts";
import type { Transaction } from "../database/index.ts";
import { loadJobs } from "../jobs/load.ts";
import { keepToIndexes } from "../life/index.ts";

export type Wanted = {
  readonly most: number;
  readonly leaseSec: number;
  readonly takeOver: boolean;
  readonly holding: readonly { readonly job: number; readonly attempt: number; readonly hook: HookTask["hook"] }[];
  readonly now: number;
};

/**
 * Takes jobs of a site whose hook must run now, oldest first. Whoever does not complete them in time has them taken away:
 * a hook runs at least once, and what it did counts once (`hook_runs`). With `takeOver` they are taken away at once, from an earlier agent or
 * from one that never heard of them; what the caller holds (`holding`) is never handed out again.
 */
export async function takeHooks(
  tx: Transaction,
  siteId: number,
  { most, leaseSec, takeOver, holding, now }: Wanted,
): Promise<HookTask[]> {
  await keepToIndexes(tx, "in order");
  const { rows } = await tx.query<{ id: number; failure: string | null }>(
    `UPDATE job_life SET hook_until = $3 WHERE id IN (
       SELECT id FROM job_life
       WHERE site_id = $1 AND ((state = 'STAGED_IN' AND has_preprocess) OR (state = 'RUN_DONE' AND has_postprocess) OR (state = 'RUN_ERROR' AND has_on_error) OR (state = 'RUN_TIMEOUT' AND has_on_timeout))
         AND (hook_until IS NULL OR ((hook_until < $2 OR $5)
           AND NOT EXISTS (SELECT FROM unnest($6::bigint[], $7::int[], $8::text[]) AS h(id, attempt, state)
                           WHERE h.id = job_life.id AND h.attempt = job_life.attempt AND h.state = job_life.state::text)))
       ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED
     ) RETURNING id, failure`,
    [siteId, new Date(now), new Date(now + leaseSec * 1000), most, takeOver, ...columnsOf(holding)],
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

function columnsOf(holding: Wanted["holding"]): unknown[] {
  return [
    holding.map(({ job }) => job),
    holding.map(({ attempt }) => attempt),
    holding.map(({ hook }) => stateOf(hook)),
  ];
}

/** The state in which a job waits for a hook. */
const stateOf = (wanted: HookTask["hook"]): string | undefined =>
  Object.entries(HOOK_OF_STATE).find(([, hook]) => hook === wanted)?.[0];

/** The hook that moves a job on from a state, if any. */
export function hookOf(state: JobState): HookTask["hook"] | null {
  return state in HOOK_OF_STATE ? HOOK_OF_STATE[state as keyof typeof HOOK_OF_STATE] : null;
}
