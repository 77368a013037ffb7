import type { JobState } from "../../../model/states.ts";
import type { Queryable } from "../../database/index.ts";

/** A user's sites and apps, and how many jobs are in each state of each app; small, and read anew by every query. */
export type Territory = {
  readonly apps: readonly TerritoryApp[];
  /** Only groups that hold jobs. */
  readonly groups: readonly Group[];
};
export type TerritoryApp = {
  readonly id: number;
  readonly name: string;
  readonly siteId: number;
  readonly site: string;
};
export type Group = { readonly app: TerritoryApp; readonly state: JobState; readonly count: number };

/** Reads what belongs to a user. Whatever is not in here does not exist for this user. */
export async function readTerritory(db: Queryable, userId: number): Promise<Territory> {
  const { rows } = await db.query<{
    app_id: number;
    app: string;
    site_id: number;
    site: string;
    state: JobState | null;
    n: number | null;
  }>(TERRITORY, [userId]);
  const apps = new Map<number, TerritoryApp>();
  const groups: Group[] = [];
  for (const row of rows) {
    const app = apps.get(row.app_id) ?? { id: row.app_id, name: row.app, siteId: row.site_id, site: row.site };
    apps.set(app.id, app);
    if (row.state !== null && row.n !== null) groups.push({ app, state: row.state, count: row.n });
  }
  return { apps: [...apps.values()], groups };
}

const TERRITORY = `
SELECT a.id AS app_id, a.name AS app, s.id AS site_id, s.name AS site, t.state, t.n
FROM sites s
JOIN apps a ON a.site_id = s.id AND a.deleted IS NULL
LEFT JOIN LATERAL (
  SELECT state, sum(n)::bigint AS n FROM job_tally WHERE site_id = s.id AND app_id = a.id GROUP BY state HAVING sum(n) > 0
) t ON true
WHERE s.owner_id = $1 AND s.deleted IS NULL
ORDER BY s.id, a.id, t.state`;
