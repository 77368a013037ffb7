import type { Queryable, Transaction } from "../database/index.ts";
import { type Change, keepToIndexes, lockLives, moveLocked } from "../life/index.ts";
import { freeHeld } from "./free-held.ts";

export type EndedSession = {
  readonly id: number;
  readonly siteId: number;
  readonly changes: readonly Change[];
  /** Jobs that went back unstarted. */
  readonly freed: number;
};

/**
 * Ends a session that lives: what still runs is lost (its pilot said nothing of it), what never started is free again, and
 * what its user wants dead is dead. Undefined where it has ended already. With
 * `ifExpiredBy`, one is spared whose lease runs beyond that time: somebody has renewed it meanwhile.
 */
export async function endSession(
  tx: Transaction,
  id: number,
  { reason, now, ifExpiredBy }: { reason: string; now: number; ifExpiredBy?: number | undefined },
): Promise<EndedSession | undefined> {
  await keepToIndexes(tx);
  const limit = ifExpiredBy === undefined ? null : new Date(ifExpiredBy);
  const { rows } = await tx.query<{ siteId: number }>(
    `UPDATE sessions SET ended = $2, end_reason = $3 WHERE id = $1 AND ended IS NULL AND ($4::timestamptz IS NULL OR expires < $4) RETURNING site_id AS "siteId"`,
    [id, new Date(now), reason, limit],
  );
  const [session] = rows;
  if (!session) return undefined;
  const held = await lockLives(tx, await findHeld(tx, id));
  const running = held.filter(({ state }) => state === "RUNNING");
  const steps = running.map(({ id: job, killRequested }) => ({
    id: job,
    actor: "server" as const,
    at: now,
    ...(killRequested
      ? { path: ["USER_KILLED"] as const }
      : { path: ["RUN_TIMEOUT"] as const, failure: "lost" as const, reason: `session ${id} ended: ${reason}` }),
  }));
  const lost = await moveLocked(tx, { rows: running, steps, now });
  const unstarted = held.filter(({ state }) => state !== "RUNNING");
  const killed = await freeHeld(tx, unstarted, now);
  return {
    id,
    siteId: session.siteId,
    changes: [...lost.changes, ...killed.changes],
    freed: unstarted.length - killed.changes.length,
  };
}

async function findHeld(db: Queryable, sessionId: number): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>("SELECT id FROM job_life WHERE session_id = $1", [sessionId]);
  return rows.map(({ id }) => id);
}
