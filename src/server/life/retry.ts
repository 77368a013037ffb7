import { isFinal } from "../../model/states.ts";
import type { Transaction } from "../database/index.ts";
import { askParents } from "./children.ts";
import { decideChild } from "./dependencies.ts";
import { applyChanges, type Moved, moveLocked } from "./move.ts";
import { keepToIndexes } from "./plans.ts";
import { lockLives } from "./rows.ts";

/**
 * Runs ended jobs again. One that never ran begins at its beginning: it waits for its parents as they now are (looked at
 * once all are moved, so that parents and children may be retried in one call) and goes through its stages. Jobs that have
 * not ended are refused.
 */
export async function retryJobs(tx: Transaction, ids: readonly number[], now: number): Promise<Moved> {
  await keepToIndexes(tx);
  const rows = await lockLives(tx, ids);
  const ended = rows.filter(({ state }) => isFinal(state));
  const unended = rows.filter(({ state }) => !isFinal(state));
  const steps = ended.map(({ id, attempt, waitingFor }) => {
    const path = [attempt === 0 || waitingFor > 0 ? ("AWAITING_PARENTS" as const) : ("RESTART_READY" as const)];
    return { id, path, actor: "user" as const, at: now, reason: "retried by its user" };
  });
  await forgetPreprocessing(
    tx,
    ended.filter(({ attempt }) => attempt === 0).map(({ id }) => id),
  );
  const moved = await moveLocked(tx, { rows: ended, steps, now });
  const refused = [...moved.refused, ...unended.map(({ id, state }) => ({ id, state, why: `${state} has not ended` }))];
  const waiting = ended.filter(({ waitingFor }) => waitingFor > 0).map(({ id }) => id);
  if (waiting.length === 0) return { changes: moved.changes, refused };
  const news = await askParents(tx, waiting);
  const again = await lockLives(tx, [...news.keys()]);
  const followed = again.map((row) => decideChild(row, news.get(row.id) ?? { met: 0, blocked: null }, now));
  return { changes: [...moved.changes, ...(await applyChanges(tx, followed, now))], refused };
}

/** Their preprocess hook may have run for attempt 0 already; now it runs, and counts, again. */
async function forgetPreprocessing(tx: Transaction, ids: readonly number[]): Promise<void> {
  if (ids.length > 0) await tx.query("DELETE FROM hook_runs WHERE job_id = ANY ($1::bigint[]) AND attempt = 0", [ids]);
}
