/** Runs queries: pages, counts, and the walk in windows of ids. */
import type { Ordering } from "../../../model/filter.ts";
import type { Queryable } from "../../database/index.ts";
import { type Key, mergeRows, type Row } from "./merge.ts";
import { type JobQuery, type Plan, planQuery, TUNING, type Tuning } from "./plan.ts";
import { countStatement, type PageScope, pageStatement } from "./statements.ts";
import { readTerritory, type Territory } from "./territory.ts";
import { idBounds, windows } from "./walk.ts";

export type IdPage = {
  readonly ids: readonly number[];
  readonly rows: readonly Row[];
  /** Ordering values of the last row where more follow; null at the end. */
  readonly next: readonly Key[] | null;
};
/** Windows in which a tag is looked for before it counts as rare. */
const TAG_PROBES = 1;

/** The ids of one page of jobs of a user, in order. */
export async function findPage(
  db: Queryable,
  userId: number,
  query: JobQuery & { readonly limit: number; readonly after: readonly Key[] | null },
  tuning = TUNING,
): Promise<IdPage> {
  const plan = planQuery(query, await readTerritory(db, userId), tuning);
  if (plan.way === "nothing" || query.limit === 0) return { ids: [], rows: [], next: null };
  const rows = await findRows(db, {
    plan,
    ordering: query.ordering,
    after: query.after,
    limit: query.limit + 1,
    tuning,
  });
  const page = rows.slice(0, query.limit);
  return {
    ids: page.map((row) => row.id),
    rows: page,
    next: rows.length > page.length ? (page.at(-1)?.keys ?? null) : null,
  };
}

/** How many jobs of a user match. Where app, site and state say it all, the tally knows. */
export async function countJobs(db: Queryable, userId: number, query: JobQuery, tuning = TUNING): Promise<number> {
  const territory = await readTerritory(db, userId);
  const plan = planQuery(query, territory, tuning);
  if (plan.way === "nothing" || plan.rest.length + plan.workflows.length === 0) return plan.most;
  const counts = await countWalk(db, plan, { by: "1", tuning });
  return counts.get("1") ?? 0;
}

/** Counts a user's matching jobs by a field; only what occurs. */
export async function countBy(
  db: Queryable,
  userId: number,
  { by, ...query }: JobQuery & { readonly by: "state" | "app" | "site" | "workflow" },
  tuning = TUNING,
): Promise<Map<string, number>> {
  const territory = await readTerritory(db, userId);
  const plan = planQuery(query, territory, tuning);
  if (plan.way === "nothing") return new Map();
  if (by === "workflow") return countWalk(db, plan, { by: "j.workflow", tuning });
  if (plan.rest.length + plan.workflows.length === 0) return countGroups(territory, plan, by);
  if (by === "state") return countWalk(db, plan, { by: "l.state", tuning });
  const names = new Map(territory.apps.map((app) => [String(app.id), by === "app" ? app.name : app.site]));
  const counts = new Map<string, number>();
  for (const [id, n] of await countWalk(db, plan, { by: "l.app_id", tuning })) add(counts, names.get(id) ?? id, n);
  return counts;
}

function countGroups(territory: Territory, plan: Plan, by: "state" | "app" | "site"): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { app, state, count } of territory.groups) {
    if (!plan.apps.includes(app.id) || !plan.states.includes(state)) continue;
    add(counts, { state, app: app.name, site: app.site }[by], count);
  }
  return counts;
}

async function countWalk(
  db: Queryable,
  plan: Plan,
  { by, tuning }: { by: string; tuning: Tuning },
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const whole = plan.way === "named" || plan.way === "tags" || plan.most <= tuning.shortWalk;
  for await (const window of whole ? [null] : windows(await idBounds(db), false, tuning.firstWindow)) {
    const { sql, params } = countStatement({ plan, window }, by);
    const { rows } = await db.query<{ key: string; n: number }>(sql, params);
    for (const { key, n } of rows) add(counts, key, n);
  }
  return counts;
}

type Find = {
  plan: Plan;
  ordering: readonly Ordering[];
  after: readonly Key[] | null;
  limit: number;
  tuning: Tuning;
};

async function findRows(db: Queryable, find: Find): Promise<Row[]> {
  const { plan, ordering, limit } = find;
  if (plan.way === "tags" && ordering[0]?.field === "id") return findTagged(db, find);
  if (!plan.windowed) return runPage(db, { ...find, window: null });
  const descending = ordering[0]?.descending ?? false;
  const byId = ordering[0]?.field === "id";
  let rows: Row[] = [];
  for await (const window of windows(await idBounds(db, find), descending, find.tuning.firstWindow)) {
    const found = await runPage(db, { ...find, window });
    rows = byId ? [...rows, ...found].slice(0, limit) : mergeRows(rows, found, ordering).slice(0, limit);
    if (byId && rows.length === limit) break;
  }
  return rows;
}

/** A common tag is met soon on a walk by id; a rare one is not, and comes from the index of tags. */
async function findTagged(db: Queryable, find: Find): Promise<Row[]> {
  const { ordering, limit } = find;
  const walk: Plan = { ...find.plan, way: "groups" };
  const rows: Row[] = [];
  let probes = 0;
  for await (const window of windows(
    await idBounds(db, find),
    ordering[0]?.descending ?? false,
    find.tuning.firstWindow,
  )) {
    if (probes === TAG_PROBES) {
      const after = [ordering[0]?.descending ? window.last + 1 : window.first - 1];
      return [...rows, ...(await runPage(db, { ...find, after, limit: limit - rows.length, window: null }))];
    }
    rows.push(...(await runPage(db, { ...find, plan: walk, limit: limit - rows.length, window })));
    if (rows.length === limit) break;
    probes += 1;
  }
  return rows;
}

async function runPage(db: Queryable, scope: PageScope): Promise<Row[]> {
  const { sql, params } = pageStatement(scope);
  const { rows } = await db.query<{ id: number } & Record<string, Key>>(sql, params);
  return rows.map((row) => ({ id: row.id, keys: scope.ordering.map((_, index) => row[`k${index}`] ?? row.id) }));
}

function add(counts: Map<string, number>, key: string, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n);
}
