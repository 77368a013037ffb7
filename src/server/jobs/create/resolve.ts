/** What a request to create jobs refers to: apps by name or id, and parents that exist. */
import type { z } from "zod";
import type { AppDefinition } from "../../../app/definition.ts";
import type { jobCreateSchema } from "../../../client/wire/entities.ts";
import { ConiferError } from "../../../model/errors.ts";
import type { JobState } from "../../../model/states.ts";
import type { Queryable } from "../../database/index.ts";

export type JobItem = z.output<typeof jobCreateSchema>;
export type ResolvedApp = {
  readonly id: number;
  readonly name: string;
  readonly siteId: number;
  readonly site: string;
  readonly definition: AppDefinition;
};
export type KnownParent = { readonly id: number; readonly state: JobState; readonly siteId: number };

/**
 * Apps of the user that items name, locked against deletion until the transaction ends. Answers a look-up that throws
 * for an item whose app is unknown or could be several.
 */
export async function resolveApps(
  tx: Queryable,
  userId: number,
  items: readonly JobItem[],
): Promise<(item: JobItem, where: string) => ResolvedApp> {
  const ids = new Set<number>();
  const names = new Set<string>();
  for (const { app } of items)
    if (typeof app === "number") ids.add(app);
    else names.add(app);
  const { rows } = await tx.query<ResolvedApp>(APPS, [userId, [...ids], [...names]]);
  const known = new Map<string, ResolvedApp>();
  return (item, where) => {
    const key = `${typeof item.app}:${item.app}@${typeof item.site}:${item.site}`;
    const app = known.get(key) ?? chooseApp(rows, item, where);
    known.set(key, app);
    return app;
  };
}

function chooseApp(apps: readonly ResolvedApp[], item: JobItem, where: string): ResolvedApp {
  const named = apps.filter((app) => (typeof item.app === "number" ? app.id : app.name) === item.app);
  const here = named.filter(
    (app) => item.site === undefined || (typeof item.site === "number" ? app.siteId : app.site) === item.site,
  );
  const [app, other] = here;
  const shown = JSON.stringify(item.app);
  if (!app) {
    const elsewhere = [...new Set(named.map((found) => found.site))].join(", ");
    const problem =
      item.site === undefined || elsewhere === ""
        ? `there is no app ${shown}`
        : `there is no app ${shown} at site ${JSON.stringify(item.site)}; it is at ${elsewhere}`;
    throw new ConiferError("BAD_INPUT", { where: `${where}.app`, problem });
  }
  if (other) {
    const sites = here.map((found) => found.site).join(", ");
    throw new ConiferError("BAD_INPUT", {
      where: `${where}.site`,
      problem: `more than one site has an app ${shown}: name one of ${sites}`,
    });
  }
  return app;
}

/**
 * Jobs of the user among these ids, locked so that none of them comes to an end unseen while its children are made: who
 * moves a parent waits, and then finds them.
 */
export async function lockParents(
  tx: Queryable,
  userId: number,
  ids: readonly number[],
): Promise<Map<number, KnownParent>> {
  if (ids.length === 0) return new Map();
  const { rows } = await tx.query<KnownParent>(PARENTS, [userId, ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

const APPS = `
SELECT a.id, a.name, s.id AS "siteId", s.name AS site, a.definition
FROM apps a JOIN sites s ON s.id = a.site_id
WHERE s.owner_id = $1 AND s.deleted IS NULL AND a.deleted IS NULL AND (a.id = ANY($2::bigint[]) OR a.name = ANY($3::text[]))
ORDER BY s.id, a.id FOR KEY SHARE OF a, s`;

const PARENTS = `
SELECT l.id, l.state, l.site_id AS "siteId"
FROM job_life l JOIN sites s ON s.id = l.site_id JOIN apps a ON a.id = l.app_id
WHERE s.owner_id = $1 AND s.deleted IS NULL AND a.deleted IS NULL AND l.id = ANY($2::bigint[])
ORDER BY l.id FOR SHARE OF l`;
