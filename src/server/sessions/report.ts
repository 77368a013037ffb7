import type { z } from "zod";
import type { reportAnswerSchema, reportSchema } from "../../client/wire/sessions.ts";
import type { Transaction } from "../database/index.ts";
import { type Change, keepToIndexes, type LifeRow, lockLives, moveLocked } from "../life/index.ts";
import { judgeReport, type Stale } from "./judge-report.ts";
import { lockSession } from "./lock-session.ts";

/** What is kept of an answer, to be given again. */
export type ReportAnswer = Omit<z.output<typeof reportAnswerSchema>, "commands">;
export type Reported = {
  readonly answer: ReportAnswer;
  readonly changes: readonly Change[];
  /** Why the session has ended; null while it lives. Then everything was stale. */
  readonly gone: string | null;
};

/**
 * Applies one report, in one transaction. A batch that was applied already gets the stored answer. What comes from a
 * session that has ended is recorded with the jobs, and changes nothing.
 */
export async function applyReport(
  tx: Transaction,
  { sessionId, userId }: { sessionId: number; userId: number },
  { batch, items, now }: z.output<typeof reportSchema> & { now: number },
): Promise<Reported> {
  const ids = [...new Set(items.map(({ job }) => job))];
  // Sent together, run one after the other: each turn of a transaction costs PGlite's thread a wake-up.
  const [, session, present] = await Promise.all([
    keepToIndexes(tx),
    lockSession(tx, sessionId, userId),
    lockLives(tx, ids),
  ]);
  const { gone } = session;
  if (batch <= session.lastBatch && session.lastAnswer !== null)
    return { answer: session.lastAnswer, changes: [], gone };
  // Jobs of other sites are none of this session's business, not even as stale events.
  const rows = present.filter(({ siteId }) => siteId === session.siteId);
  const { steps, stale, accepted } = judgeReport(items, { rows, sessionId, now });
  const moved = await moveLocked(tx, { rows, steps, now });
  const stopped = moved.refused.flatMap(({ id, why }) =>
    items.filter(({ job }) => job === id).map((item) => ({ item, why })),
  );
  const all = [...stale, ...stopped];
  await recordStale(tx, all, { rows, sessionId, now });
  const answer = {
    accepted: accepted - stopped.length,
    stale: all.map(({ item, why }) => ({ job: item.job, attempt: item.attempt, why })),
  };
  await tx.query("UPDATE sessions SET last_batch = $2, last_answer = $3::text::jsonb WHERE id = $1", [
    sessionId,
    batch,
    JSON.stringify(answer),
  ]);
  return { answer, changes: moved.changes, gone };
}

/** Keeps with its job what came too late. */
async function recordStale(
  tx: Transaction,
  stale: readonly Stale[],
  { rows, sessionId, now }: { rows: readonly LifeRow[]; sessionId: number; now: number },
): Promise<void> {
  const states = new Map(rows.map(({ id, state }) => [id, state]));
  const records = stale.flatMap(({ item, why }) => {
    const { job, attempt, state, at, ...said } = item;
    const old = states.get(job);
    return old === undefined
      ? []
      : [{ id: job, at: new Date(Math.min(at, now)), old, path: `{${state}}`, attempt, data: { why, ...said } }];
  });
  if (records.length === 0) return;
  await tx.query(
    `INSERT INTO job_events (job_id, at, from_state, path, attempt, session_id, stale, data)
     SELECT id, at, old, path, attempt, $2, true, data
     FROM json_to_recordset($1::json) AS e(id bigint, at timestamptz, old job_state, path job_state[], attempt int, data jsonb)`,
    [JSON.stringify(records), sessionId],
  );
}
