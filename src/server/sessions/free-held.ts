import type { Transaction } from "../database/index.ts";
import { type LifeRow, type Moved, moveLocked } from "../life/index.ts";

/**
 * Gives back jobs, locked, that a session holds and never started: nothing is counted, and no state changes. A job that its
 * user wants dead does not come back.
 */
export async function freeHeld(tx: Transaction, rows: readonly LifeRow[], now: number): Promise<Moved> {
  const free = rows.filter(({ killRequested }) => !killRequested).map(({ id }) => id);
  if (free.length > 0)
    await tx.query(
      "UPDATE job_life SET session_id = NULL, batch_job_id = NULL, updated = $2 WHERE id = ANY ($1::bigint[])",
      [free, new Date(now)],
    );
  const killed = rows.filter(({ killRequested }) => killRequested);
  const steps = killed.map(({ id }) => ({ id, path: ["USER_KILLED"] as const, actor: "server" as const, at: now }));
  return moveLocked(tx, { rows: killed, steps, now });
}
