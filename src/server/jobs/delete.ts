import type { Transaction } from "../database/index.ts";
import type { Handlers } from "../http/context.ts";
import { announce, lockLives, parentsGone } from "../life/index.ts";
import { changeInBatches, countReasons } from "./batches.ts";

export const jobDelete = {
  async jobDelete(context, { body }) {
    const now = context.clock.now();
    return changeInBatches(context, body, async (tx, ids) => {
      const rows = await lockLives(tx, ids);
      const held = rows.filter(({ sessionId }) => sessionId !== null);
      const free = rows.filter(({ sessionId }) => sessionId === null);
      const gone = free.map(({ id }) => id);
      await deleteRows(tx, gone);
      // Nothing waits for what is not there any more: children follow as after a failure.
      const changes = await parentsGone(tx, gone, now);
      return {
        changed: gone.length,
        left: countReasons(
          held.map(({ state }) => `${state === "RUNNING" ? "running" : "held by a pilot"}: kill it first`),
        ),
        announce: () => {
          announce(context.changes, changes, now);
          for (const siteId of new Set(free.map((row) => row.siteId)))
            context.changes.publish({
              kind: "jobs",
              siteId,
              states: {},
              truncated: true,
              at: new Date(now).toISOString(),
            });
        },
      };
    });
  },
} satisfies Partial<Handlers>;

/** Removes jobs with all that was stored of them; dependencies on them stay until the children have followed. */
export async function deleteRows(tx: Transaction, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return;
  for (const [table, column] of TABLES)
    await tx.query(`DELETE FROM ${table} WHERE ${column} = ANY($1::bigint[])`, [ids]);
}

const TABLES = [
  ["job_events", "job_id"],
  ["hook_runs", "job_id"],
  ["transfers", "job_id"],
  ["job_dependencies", "child_id"],
  ["job_life", "id"],
  ["jobs", "id"],
] as const;
