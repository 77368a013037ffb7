/**
 * Clears away what was deleted with a site, an app or a user. They are hidden the moment they are marked; their rows go in
 * small transactions, so that nobody waits for a million of them. It goes on after a restart, and may run in several
 * processes at once.
 */
import type { Database } from "../database/index.ts";
import type { Services } from "../http/context.ts";
import { BATCH_JOBS } from "../jobs/batches.ts";
import { deleteRows } from "../jobs/delete.ts";
import { announce, type Change, lockLives, parentsGone } from "../life/index.ts";

/** Clears until nothing is left or the signal aborts; answers how many jobs went. */
export async function clearDeleted(
  { db, changes, clock }: Pick<Services, "db" | "changes" | "clock">,
  signal: AbortSignal,
): Promise<number> {
  const { rows: apps } = await db.query<{ id: number }>(DELETED_APPS);
  let jobs = 0;
  for (const { id } of apps) {
    for (let size = BATCH_JOBS; size === BATCH_JOBS && !signal.aborted; ) {
      const now = clock.now();
      const step = await clearJobs(db, id, now);
      announce(changes, step.changes, now);
      size = step.size;
      jobs += size;
    }
    if (signal.aborted) return jobs;
    await db.transaction(async (tx) => {
      await tx.query("DELETE FROM job_tally WHERE app_id = $1", [id]);
      await tx.query("DELETE FROM apps WHERE id = $1", [id]);
    });
  }
  await db.query(CLEAR_SITES);
  await db.query(CLEAR_USERS);
  return jobs;
}

async function clearJobs(db: Database, appId: number, now: number): Promise<{ size: number; changes: Change[] }> {
  return db.transaction(async (tx) => {
    const { rows } = await tx.query<{ id: number }>(JOBS_OF_APP, [appId, BATCH_JOBS]);
    const ids = rows.map((row) => row.id);
    await lockLives(tx, ids);
    await deleteRows(tx, ids);
    return { size: ids.length, changes: await parentsGone(tx, ids, now) };
  });
}

const DELETED_APPS = `
SELECT a.id FROM apps a JOIN sites s ON s.id = a.site_id WHERE a.deleted IS NOT NULL OR s.deleted IS NOT NULL ORDER BY a.id`;
const JOBS_OF_APP = "SELECT id FROM job_life WHERE app_id = $1 ORDER BY state, id LIMIT $2";
/** Sessions, batch jobs and what else refers to the site go with it. */
const CLEAR_SITES = `
DELETE FROM sites s WHERE deleted IS NOT NULL AND NOT EXISTS (SELECT 1 FROM apps WHERE site_id = s.id)`;
const CLEAR_USERS = `
DELETE FROM users u WHERE deleted IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sites WHERE owner_id = u.id)`;
