import type { Queryable } from "../database/index.ts";

/** The most jobs a tree shows. */
const MOST_JOBS = 1000;

/** A job with its ancestors and descendants (not their other relatives), in the order of ids, of this user only. */
export async function readTree(
  db: Queryable,
  userId: number,
  id: number,
): Promise<{ ids: number[]; truncated: boolean }> {
  const { rows } = await db.query<{ id: number }>(TREE, [id, userId, MOST_JOBS + 1]);
  const ids = rows.map((row) => row.id);
  if (ids.length <= MOST_JOBS) return { ids, truncated: false };
  const near = ids.filter((other) => other !== id).slice(0, MOST_JOBS - 1);
  return { ids: [...near, id].sort((a, b) => a - b), truncated: true };
}

/** UNION, not UNION ALL: in a diamond each job is walked once. */
const TREE = `
WITH RECURSIVE up AS (
  SELECT $1::bigint AS id
  UNION SELECT d.parent_id FROM up JOIN job_dependencies d ON d.child_id = up.id
), down AS (
  SELECT $1::bigint AS id
  UNION SELECT d.child_id FROM down JOIN job_dependencies d ON d.parent_id = down.id
), both_ways AS (
  (SELECT id FROM up LIMIT $3) UNION (SELECT id FROM down LIMIT $3)
)
SELECT l.id FROM both_ways JOIN job_life l USING (id) JOIN sites s ON s.id = l.site_id
WHERE s.owner_id = $2 AND s.deleted IS NULL ORDER BY l.id LIMIT $3`;
