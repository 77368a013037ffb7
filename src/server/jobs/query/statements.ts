/** The statements of a query, by its plan. */
import type { Ordering } from "../../../model/filter.ts";
import { COLUMNS, conditionSql, Parameters } from "./conditions.ts";
import type { Plan } from "./plan.ts";

export type Statement = { readonly sql: string; readonly params: readonly unknown[] };
/** Ids from `first` to `last`, both included. */
export type Window = { readonly first: number; readonly last: number };
type Scope = { readonly plan: Plan; readonly window: Window | null };
export type PageScope = Scope & {
  readonly ordering: readonly Ordering[];
  /** Ordering values of the last row before this page. */
  readonly after: readonly (string | number)[] | null;
  readonly limit: number;
};

/** Ids and ordering values (`k0`, `k1`, …) of the first rows in order. */
export function pageStatement({ plan, window, ordering, after, limit }: PageScope): Statement {
  const parameters = new Parameters();
  const keys = ordering.map(({ field }, index) => `${keySql(field)} AS k${index}`).join(", ");
  const order = ordering
    .map(({ field, descending }) => `${keySql(field)}${collation(field)}${descending ? " DESC" : ""}`)
    .join(", ");
  const outer = ordering
    .map(({ field, descending }, index) => `k${index}${collation(field)}${descending ? " DESC" : ""}`)
    .join(", ");
  const most = parameters.add(limit, "bigint");
  const beyond = after === null ? [] : [afterSql(ordering, after, parameters)];
  const conditions = [...rowConditions({ plan, window }, parameters), ...beyond];
  const columns = `l.id AS id, ${keys}`;
  const texts = [keys, ...conditions];
  if (plan.way === "groups" || plan.way === "workflow") {
    const { source, link, isJoined } = drive(plan, parameters, texts);
    const where = [...link, ...(isJoined ? onBothIds(conditions) : conditions)].join(" AND ");
    const sql = `SELECT p.* FROM ${source} CROSS JOIN LATERAL (
SELECT ${columns} FROM ${isJoined ? JOINED : ALONE} WHERE ${where} ORDER BY ${order} LIMIT ${most}
) p ORDER BY ${outer} LIMIT ${most}`;
    return { sql, params: parameters.values };
  }
  const where = [...plainConditions(plan, parameters), ...onBothIds(conditions)].join(" AND ");
  const sql = `SELECT ${columns} FROM ${JOINED} WHERE ${where} ORDER BY ${order} LIMIT ${most}`;
  return { sql, params: parameters.values };
}

/** Ids of jobs that meet the rare conditions, in no order, at most `limit`. */
export function rareStatement(plan: Plan, limit: number): Statement {
  const parameters = new Parameters();
  const where = [
    `j.site_id = ANY(${parameters.add(plan.sites, "bigint[]")})`,
    ...plan.rare.map((condition) => conditionSql(condition, parameters)),
  ].join(" AND ");
  const sql = `SELECT j.id FROM jobs j WHERE ${where} LIMIT ${parameters.add(limit, "bigint")}`;
  return { sql, params: parameters.values };
}

/** Counts matching jobs by an expression over `j` and `l`. */
export function countStatement({ plan, window }: Scope, by: string): Statement {
  const parameters = new Parameters();
  const conditions = rowConditions({ plan, window }, parameters);
  const where = [...plainConditions(plan, parameters), ...conditions];
  if (plan.way === "workflow") {
    where.push(
      `j.site_id = ANY(${parameters.add(plan.sites, "bigint[]")})`,
      `j.workflow = ANY(${parameters.add(plan.workflows, "text[]")})`,
      "j.workflow <> ''",
    );
  }
  const isJoined = needsJobs([by, ...where]);
  const all = (isJoined ? onBothIds(where) : where).join(" AND ");
  const sql = `SELECT (${by})::text AS key, count(*) AS n FROM ${isJoined ? JOINED : ALONE} WHERE ${all} GROUP BY 1`;
  return { sql, params: parameters.values };
}

/** What the walk starts from, how a row is tied to it, and whether it needs what was asked of the job (`jobs`). */
function drive(
  plan: Plan,
  parameters: Parameters,
  texts: readonly string[],
): { source: string; link: string[]; isJoined: boolean } {
  const apps = parameters.add(plan.apps, "bigint[]");
  const sites = parameters.add(plan.sites, "bigint[]");
  const states = parameters.add(plan.states, "job_state[]");
  if (plan.way === "groups") {
    return {
      source: `(SELECT app_id, state FROM job_tally WHERE site_id = ANY(${sites}) AND app_id = ANY(${apps}) AND state = ANY(${states}) GROUP BY app_id, state HAVING sum(n) > 0) g`,
      link: ["l.app_id = g.app_id", "l.state = g.state"],
      isJoined: needsJobs(texts),
    };
  }
  const workflows = parameters.add(plan.workflows, "text[]");
  return {
    source: `unnest(${sites}) s(id) CROSS JOIN unnest(${workflows}) w(name)`,
    link: [
      "j.site_id = s.id",
      "j.workflow = w.name",
      "j.workflow <> ''",
      `l.app_id = ANY(${apps})`,
      `l.state = ANY(${states})`,
    ],
    isJoined: true,
  };
}

function plainConditions(plan: Plan, parameters: Parameters): string[] {
  return [
    `l.app_id = ANY(${parameters.add(plan.apps, "bigint[]")})`,
    `l.state = ANY(${parameters.add(plan.states, "job_state[]")})`,
  ];
}

function rowConditions({ plan, window }: Scope, parameters: Parameters): string[] {
  const rest = plan.rest.map((condition) => conditionSql(condition, parameters));
  if (window === null) return rest;
  const first = parameters.add(window.first, "bigint");
  return [`l.id BETWEEN ${first} AND ${parameters.add(window.last, "bigint")}`, ...rest];
}

const ALONE = "job_life l";
const JOINED = "job_life l JOIN jobs j ON j.id = l.id";

function needsJobs(texts: readonly string[]): boolean {
  return texts.some((text) => /\bj\./.test(text));
}

/** A range of ids of one table says nothing to the planner of the other, equal though they are: it is said of both. */
function onBothIds(conditions: readonly string[]): string[] {
  return conditions.flatMap((sql) => (sql.startsWith("l.id ") ? [sql, sql.replace("l.id ", "j.id ")] : [sql]));
}

/** Rows behind the last one: (a > x) OR (a = x AND b < y) OR …, by each field's own direction. */
function afterSql(ordering: readonly Ordering[], after: readonly (string | number)[], parameters: Parameters): string {
  const terms = ordering.map(({ field, descending }, index) => ({
    sql: `${keySql(field)}${collation(field)}`,
    value: parameters.add(after[index], keyType(field)),
    op: descending ? "<" : ">",
  }));
  const steps = terms.map(({ sql, value, op }, index) =>
    [...terms.slice(0, index).map((equal) => `${equal.sql} = ${equal.value}`), `${sql} ${op} ${value}`].join(" AND "),
  );
  return steps.length === 1 ? (steps[0] ?? "true") : `(${steps.map((step) => `(${step})`).join(" OR ")})`;
}

function keySql(field: string): string {
  return COLUMNS[field as keyof typeof COLUMNS].sql;
}

function keyType(field: string): string {
  return COLUMNS[field as keyof typeof COLUMNS].type;
}

/** Text is ordered by its bytes, the same on every machine. */
function collation(field: string): string {
  return keyType(field) === "text" ? ' COLLATE "C"' : "";
}
