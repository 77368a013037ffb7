import type { Queryable } from "../database/index.ts";

/** Lets the stage-out of jobs begin; what an earlier attempt staged out is done again. */
export async function beginStageOut(tx: Queryable, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.query(
    `UPDATE transfers SET state = 'pending', reason = '' WHERE job_id = ANY ($1::bigint[]) AND direction = 'out' AND state <> 'pending'`,
    [ids],
  );
}
