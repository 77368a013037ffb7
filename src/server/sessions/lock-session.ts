import { ConiferError } from "../../model/errors.ts";
import type { Transaction } from "../database/index.ts";
import type { ReportAnswer } from "./report.ts";

export type LockedSession = {
  readonly siteId: number;
  /** Why it has ended; null while it lives. */
  readonly gone: string | null;
  readonly lastBatch: number;
  readonly lastAnswer: ReportAnswer | null;
};

/**
 * Locks the row of a user's session: one report, acquire or release of it at a time, and none while it ends. Every
 * transaction locks the session before its jobs. Throws NOT_FOUND.
 */
export async function lockSession(tx: Transaction, id: number, userId: number): Promise<LockedSession> {
  const { rows } = await tx.query<LockedSession>(
    `SELECT site_id AS "siteId", CASE WHEN ended IS NOT NULL THEN end_reason END AS gone, last_batch AS "lastBatch", last_answer AS "lastAnswer"
     FROM sessions WHERE id = $1 AND EXISTS (SELECT FROM sites w WHERE w.id = site_id AND w.owner_id = $2) FOR NO KEY UPDATE`,
    [id, userId],
  );
  if (!rows[0]) throw new ConiferError("NOT_FOUND", { kind: "session", name: id, list: "session" });
  return rows[0];
}

/** The same for a session that must live. Throws SESSION_GONE. */
export async function lockLiveSession(tx: Transaction, id: number, userId: number): Promise<void> {
  const { gone } = await lockSession(tx, id, userId);
  if (gone !== null) throw new ConiferError("SESSION_GONE", { session: id, reason: gone });
}
