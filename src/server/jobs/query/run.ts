/** Runs queries: pages, counts, and the walk in windows of ids. */
import type { Ordering } from "../../../model/filter.ts";
import type { Database } from "../../database/index.ts";
import { queryFresh } from "./fresh-plan.ts";
import { type Key, mergeRows, type Row } from "./merge.ts";
import { type JobQuery, type Plan, planQuery, TUNING, type Tuning } from "./plan.ts";
import { countStatement, type PageScope, pageStatement, rareStatement } from "./statements.ts";
import { readTerritory, type Territory } from "./territory.ts";
import { idBounds, windows } from "./walk.ts";

export type IdPage = {
  readonly ids: readonly number[];
  readonly rows: readonly Row[];
  /** Ordering values of the last row where more follow; null at the end. */
  readonly next: readonly Key[] | null;
};
/** The ids of one page of jobs of a user, in order. */
export async function findPage(
  db: Database,
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
export async function countJobs(db: Database, userId: number, query: JobQuery, tuning = TUNING): Promise<number> {
  const territory = await readTerritory(db, userId);
  const plan = planQuery(query, territory, tuning);
  if (plan.way === "nothing" || plan.rest.length + plan.workflows.length === 0) return plan.most;
  const counts = await countWalk(db, plan, { by: "1", tuning });
  return counts.get("1") ?? 0;
}

/** Counts a user's matching jobs by a field; only what occurs. */
export async function countBy(
  db: Database,
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
  db: Database,
  given: Plan,
  { by, tuning }: { by: string; tuning: Tuning },
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const plan = given.way === "rare" ? await resolveRare(db, { plan: given, tuning }) : given;
  const whole = plan.way === "named" || plan.most <= tuning.shortWalk;
  for await (const window of whole ? [null] : windows(await idBounds(db), false, tuning.firstWindow)) {
    const { rows } = await queryFresh<{ key: string; n: number }>(db, countStatement({ plan, window }, by));
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

async function findRows(db: Database, find: Find): Promise<Row[]> {
  const { plan, ordering, limit } = find;
  if (plan.way === "rare") return findRare(db, find);
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

/** What many have is met at the beginning of a walk by id; only where it is not, the index without order is asked. */
async function findRare(db: Database, find: Find): Promise<Row[]> {
  const { plan, ordering, limit, tuning } = find;
  const [order] = ordering;
  if (order?.field !== "id") return findRows(db, { ...find, plan: await resolveRare(db, find) });
  for await (const window of windows(await idBounds(db, find), order.descending, tuning.firstWindow)) {
    const rows = await runPage(db, { ...find, plan: { ...plan, way: "groups" }, window });
    if (rows.length === limit) return rows;
    const after = [order.descending ? window.first : window.last];
    const rest = { ...find, after, limit: limit - rows.length };
    return [...rows, ...(await findRows(db, { ...rest, plan: await resolveRare(db, find) }))];
  }
  return [];
}

/** Where few jobs meet the rare conditions, a plan that names them; else a walk in windows. */
async function resolveRare(db: Database, { plan, tuning }: Pick<Find, "plan" | "tuning">): Promise<Plan> {
  const { rows } = await queryFresh<{ id: number }>(
    db,
    rareStatement(plan, tuning.shortWalk + 1),
    "SET LOCAL enable_seqscan = off",
  );
  if (rows.length > tuning.shortWalk) return { ...plan, way: "groups", windowed: true };
  const named = { field: "id", key: null, op: "=" as const, values: rows.map((row) => row.id) };
  return { ...plan, way: "named", rest: [...plan.rest, named], windowed: false };
}

async function runPage(db: Database, scope: PageScope): Promise<Row[]> {
  const { rows } = await queryFresh<{ id: number } & Record<string, Key>>(db, pageStatement(scope));
  return rows.map((row) => ({ id: row.id, keys: scope.ordering.map((_, index) => row[`k${index}`] ?? row.id) }));
}

function add(counts: Map<string, number>, key: string, n: number): void {
  counts.set(key, (counts.get(key) ?? 0) + n);
}
