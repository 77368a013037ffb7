/**
 * How to find the jobs of a query without reading them all. Measured against a million jobs; every way yields rows in
 * order, so that a page is the first rows and nothing is sorted whole:
 *
 * - `named`    the filter names rows that an index knows at once: ids, parents, a session.
 * - `groups`   (app, state) groups, each walked in id order through one index; the way of `job ls` and of every filter on
 *              state, app or site. The groups that hold jobs at all come from the tally.
 * - `workflow` one workflow, walked in id order through its own index.
 * - `rare`     a tag or a time of creation, which indexes without order know. Where few jobs have it, they are `named` by
 *              that index; where many have it, a walk meets them soon. Which of the two it is, is found out on the way.
 *
 * What an index cannot decide (a text search, a comparison) is tried on the rows of the walk. Where that walk may be long it
 * is cut into windows of ids, one statement each, so that PGlite's one connection is never held for long.
 */
import { type Condition, jobFields, type Ordering, parseFilter, parseOrdering } from "../../../model/filter.ts";
import { JOB_STATES, type JobState } from "../../../model/states.ts";
import type { Territory } from "./territory.ts";

export type JobQuery = {
  readonly conditions: readonly Condition[];
  /** Always ends in the id, so that no two jobs are equal. */
  readonly ordering: readonly Ordering[];
};

export type Plan = {
  readonly way: "nothing" | "named" | "groups" | "workflow" | "rare";
  /** Apps of this user that the conditions leave; nothing outside them is ever read. */
  readonly apps: readonly number[];
  readonly sites: readonly number[];
  readonly states: readonly JobState[];
  readonly workflows: readonly string[];
  /** What is still to be tried on each row. */
  readonly rest: readonly Condition[];
  /** Of these, what an index without order decides. */
  readonly rare: readonly Condition[];
  /** Jobs that app, site and state leave; an upper bound of what matches. */
  readonly most: number;
  /** Walk in windows of ids. */
  readonly windowed: boolean;
};

const FIELDS = jobFields(JOB_STATES);
/** Where a walk is cut; another one is for tests. */
export type Tuning = {
  /** A walk over at most this many rows goes in one statement. */
  readonly shortWalk: number;
  /** Ids of a first window; the next ones by the time it took. */
  readonly firstWindow: number;
};
export const TUNING: Tuning = { shortWalk: 20_000, firstWindow: 20_000 };

/** Parses filters and an ordering; ages are counted from `now`. */
export function parseJobQuery(where: readonly string[], order: string | undefined, now: number): JobQuery {
  return { conditions: where.map((filter) => parseFilter(filter, FIELDS, now)), ordering: readOrdering(order) };
}

/** The ordering with the id behind it. Jobs are numbered as they are created, so `created` orders by id. */
export function readOrdering(order: string | undefined): Ordering[] {
  const ordering: Ordering[] = [];
  for (const { field, descending } of order === undefined ? [] : parseOrdering(order, FIELDS)) {
    const name = field === "created" ? "id" : field;
    if (!ordering.some((other) => other.field === name)) ordering.push({ field: name, descending });
    if (name === "id") return ordering;
  }
  return [...ordering, { field: "id", descending: ordering.at(-1)?.descending ?? false }];
}

/** Chooses the way for a query within a user's territory. */
export function planQuery(query: JobQuery, territory: Territory, { shortWalk }: Tuning = TUNING): Plan {
  const { conditions, ordering } = query;
  const apps = territory.apps.filter((app) =>
    conditions.every(
      (condition) =>
        (condition.field !== "app" || textMatches(condition, app.name)) &&
        (condition.field !== "site" || textMatches(condition, app.site)),
    ),
  );
  const states = JOB_STATES.filter((state) =>
    conditions.every((condition) => condition.field !== "state" || textMatches(condition, state)),
  );
  const ids = new Set(apps.map((app) => app.id));
  const most = territory.groups
    .filter((group) => ids.has(group.app.id) && states.includes(group.state))
    .reduce((sum, group) => sum + group.count, 0);
  const rest = conditions.filter(({ field }) => field !== "app" && field !== "site" && field !== "state");
  const workflow = rest.find(({ field, op, values }) => field === "workflow" && op === "=" && !values.includes(""));
  const way = chooseWay(rest, {
    empty: ids.size === 0 || states.length === 0,
    isShort: most <= shortWalk,
    workflow,
  });
  const left = way === "workflow" ? rest.filter((condition) => condition !== workflow) : rest;
  const byId = ordering[0]?.field === "id";
  const stateLeft = way === "workflow" && states.length < JOB_STATES.length;
  return {
    way,
    apps: [...ids],
    sites: [...new Set(apps.map((app) => app.siteId))],
    states,
    workflows: way === "workflow" ? (workflow?.values.map(String) ?? []) : [],
    rest: left,
    rare: rest.filter(isRare),
    most,
    windowed: (way === "groups" || way === "workflow") && most > shortWalk && (!byId || left.length > 0 || stateLeft),
  };
}

function chooseWay(
  rest: readonly Condition[],
  { empty, isShort, workflow }: { empty: boolean; isShort: boolean; workflow: Condition | undefined },
): Plan["way"] {
  if (empty) return "nothing";
  const names = rest.some(
    ({ field, op }) => op === "=" && (field === "id" || field === "parent" || field === "session"),
  );
  if (names) return "named";
  if (isShort) return "groups";
  if (workflow) return "workflow";
  return rest.some(isRare) ? "rare" : "groups";
}

function isRare({ field, op, values }: Condition): boolean {
  return field === "created" || (field === "tags" && op === "=" && !values.includes("*"));
}

function textMatches({ op, values }: Condition, text: string): boolean {
  switch (op) {
    case "=":
      return values.includes(text);
    case "!=":
      return !values.includes(text);
    default:
      return text.includes(String(values[0]));
  }
}
