import { isFinal } from "../../model/states.ts";
import type { Transaction } from "../database/index.ts";
import { askParents } from "./children.ts";
import { decideChild } from "./dependencies.ts";
import { applyChanges, type Moved, moveLocked } from "./move.ts";
import { keepToIndexes } from "./plans.ts";
import { lockLives } from "./rows.ts";

/**
 * Runs ended jobs again. One whose parents never all came to an end that lets it run waits for them anew; their present
 * states are looked at once all are moved, so that parents and children may be retried in one call. Jobs that have not
 * ended are refused.
 */
export async function retryJobs(tx: Transaction, ids: readonly number[], now: number): Promise<Moved> {
  await keepToIndexes(tx);
  const rows = await lockLives(tx, ids);
  const steps = rows.map(({ id, waitingFor }) => {
    const path = [waitingFor > 0 ? ("AWAITING_PARENTS" as const) : ("RESTART_READY" as const)];
    return { id, path, actor: "user" as const, at: now, reason: "retried by its user" };
  });
  const ended = rows.filter(({ state }) => isFinal(state));
  const moved = await moveLocked(tx, { rows, steps, now });
  const waiting = ended.filter(({ waitingFor }) => waitingFor > 0).map(({ id }) => id);
  if (waiting.length === 0) return moved;
  const news = await askParents(tx, waiting);
  const again = await lockLives(tx, [...news.keys()]);
  const followed = again.map((row) => decideChild(row, news.get(row.id) ?? { met: 0, blocked: null }, now));
  return { changes: [...moved.changes, ...(await applyChanges(tx, followed, now))], refused: moved.refused };
}
