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

/** Has jobs that were given back keep why their pilot can never run them. */
export async function noteWhy(
  tx: Transaction,
  rows: readonly LifeRow[],
  never: readonly { readonly job: number; readonly why: string }[],
): Promise<void> {
  const freed = new Map(rows.flatMap((row) => (row.killRequested ? [] : [[row.id, row.sessionId]])));
  const noted = never.filter(({ job }) => freed.has(job));
  if (noted.length === 0) return;
  await tx.query(
    "UPDATE job_life SET reason = u.why FROM unnest($1::bigint[], $2::text[]) AS u(id, why) WHERE job_life.id = u.id",
    [noted.map(({ job }) => job), noted.map(({ job, why }) => `handed back by session ${freed.get(job)}: ${why}`)],
  );
}
