import { ConiferError } from "../../model/errors.ts";
import type { Queryable } from "../database/index.ts";

/** Of these ids, those of jobs that belong to the user; one of somebody else looks like one that is not there. */
export async function ownJobs(db: Queryable, userId: number, ids: readonly number[]): Promise<number[]> {
  if (ids.length === 0) return [];
  const { rows } = await db.query<{ id: number }>(OWN, [userId, ids]);
  return rows.map((row) => row.id);
}

/** Throws NOT_FOUND unless the job belongs to the user. */
export async function mustOwnJob(db: Queryable, userId: number, id: number): Promise<void> {
  const [own] = await ownJobs(db, userId, [id]);
  if (own === undefined) throw new ConiferError("NOT_FOUND", { kind: "job", name: id, list: "job" });
}

const OWN = `
SELECT l.id FROM job_life l JOIN sites s ON s.id = l.site_id JOIN apps a ON a.id = l.app_id
WHERE s.owner_id = $1 AND s.deleted IS NULL AND a.deleted IS NULL AND l.id = ANY($2::bigint[]) ORDER BY l.id`;
