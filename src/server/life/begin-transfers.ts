import type { Queryable } from "../database/index.ts";
import type { Change } from "./decide.ts";

/** Where a job rests while files come or go, and which way. */
const DIRECTION = { READY: "in", POSTPROCESSED: "out" } as const;

/** Lets the transfers of jobs begin that have come to wait for them; what an earlier attempt moved is moved again. */
export async function beginTransfers(tx: Queryable, changes: readonly Change[]): Promise<void> {
  for (const [state, direction] of Object.entries(DIRECTION)) {
    const ids = changes
      .filter(({ path, after }) => path.length > 0 && after.state === state)
      .map(({ after }) => after.id);
    if (ids.length > 0) await tx.query(BEGIN, [ids, direction]);
  }
}

const BEGIN = `UPDATE transfers SET state = 'pending', reason = '' WHERE job_id = ANY ($1::bigint[]) AND direction = $2 AND state <> 'pending'`;
