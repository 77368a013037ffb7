import type { Queryable } from "../database/index.ts";

/** Rows of the tally beyond which it is worth folding. */
const MANY_ROWS = 500;

/**
 * Folds the tally's rows into one for each group. What others add meanwhile stays as it is; what two fold at once is
 * folded by one of them. Does nothing while the rows are few.
 */
export async function foldTally(db: Queryable): Promise<void> {
  const { rows } = await db.query<{ n: number }>(
    "SELECT count(*) AS n FROM (SELECT 1 FROM job_tally LIMIT $1) AS few",
    [MANY_ROWS],
  );
  if ((rows[0]?.n ?? 0) === MANY_ROWS) await db.query(FOLD);
}

const FOLD = `
WITH gone AS (DELETE FROM job_tally RETURNING site_id, app_id, state, n)
INSERT INTO job_tally (site_id, app_id, state, n)
SELECT site_id, app_id, state, sum(n) FROM gone GROUP BY 1, 2, 3 HAVING sum(n) <> 0`;
