import type { Actor } from "../../model/states.ts";
import { isFinal } from "../../model/states.ts";
import type { Transaction } from "../database/index.ts";
import { type Moved, moveLocked } from "./move.ts";
import { keepToIndexes } from "./plans.ts";
import { lockLives } from "./rows.ts";

export type Killed = {
  readonly moved: Moved;
  /** Jobs that a pilot holds: it is told to end them, and says when they have. */
  readonly requested: readonly number[];
  /** Their sessions, to be told by `changes.command` after the commit. */
  readonly sessions: readonly number[];
  /** Jobs that had ended already. */
  readonly ended: readonly number[];
};

/**
 * Ends jobs. One that no pilot holds is USER_KILLED at once; one that is held is marked, and its pilot's word that it is
 * dead, or the end of its session, makes it USER_KILLED: a job is never said to be dead while its process lives.
 */
export async function killJobs(
  tx: Transaction,
  ids: readonly number[],
  { reason, actor, now }: { reason: string; actor: Actor; now: number },
): Promise<Killed> {
  await keepToIndexes(tx);
  const rows = await lockLives(tx, ids);
  const alive = rows.filter(({ state }) => !isFinal(state));
  const held = alive.filter(({ sessionId }) => sessionId !== null);
  const free = alive.filter(({ sessionId }) => sessionId === null);
  const requested = held.map(({ id }) => id);
  if (requested.length > 0)
    await tx.query(
      `UPDATE job_life SET kill_requested = true, reason = CASE WHEN kill_requested THEN reason ELSE $2 END, updated = $3 WHERE id = ANY ($1::bigint[])`,
      [requested, reason, new Date(now)],
    );
  const steps = free.map(({ id }) => ({ id, path: ["USER_KILLED"] as const, actor, at: now, reason }));
  return {
    moved: await moveLocked(tx, { rows: free, steps, now }),
    requested,
    sessions: [...new Set(held.flatMap(({ sessionId }) => sessionId ?? []))],
    ended: rows.filter(({ state }) => isFinal(state)).map(({ id }) => id),
  };
}
