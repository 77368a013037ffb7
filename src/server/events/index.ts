/** The events of jobs, as a list across jobs; a job's own are in jobs/history.ts. */
import type { JobEvent } from "../../client/wire/entities.ts";
import { type Condition, type FieldTable, type Ordering, parseFilter, parseOrdering } from "../../model/filter.ts";
import { JOB_STATES } from "../../model/states.ts";
import type { Queryable } from "../database/index.ts";
import type { Handlers } from "../http/context.ts";
import { EVENT_COLUMNS } from "../jobs/history.ts";
import { Parameters, readCursor, windows, writeCursor } from "../jobs/query/index.ts";

/** Fields that filters of events may name. */
export const EVENT_FIELDS: FieldTable = {
  id: { kind: "id", sortable: true, help: "the event's id" },
  job: { kind: "id", help: "the job's id" },
  site: { kind: "text", help: "the name of the job's site" },
  from: { kind: "word", words: JOB_STATES, help: "the state it left" },
  to: { kind: "word", words: JOB_STATES, help: "a state it came to or passed through" },
  at: { kind: "time", help: "when the last of its states was reached" },
  attempt: { kind: "number", help: "the attempt" },
  session: { kind: "id", help: "the session that told it" },
  batchJob: { kind: "id", help: "the batch job it ran in" },
  stale: { kind: "boolean", help: "whether it came too late and changed nothing" },
};

export const eventHandlers = {
  async eventList({ db, user, clock }, { query }) {
    const ordering = parseOrdering(query.order ?? "id", EVENT_FIELDS).slice(0, 1);
    const cursor = query.after === undefined ? null : readCursor(query.after, ordering);
    const now = cursor?.now ?? clock.now();
    const conditions = query.where.map((filter) => parseFilter(filter, EVENT_FIELDS, now));
    const after = cursor ? Number(cursor.keys[0]) : null;
    const total = query.total ? await countEvents(db, user.id, conditions) : null;
    const rows = await findEvents(db, user.id, { conditions, ordering, after, limit: query.limit + 1 });
    const items = rows.slice(0, query.limit);
    const last = items.at(-1);
    const next = rows.length > items.length && last ? writeCursor({ keys: [last.id], now }, ordering) : null;
    return { items, next, total };
  },
} satisfies Partial<Handlers>;

type Find = {
  readonly conditions: readonly Condition[];
  readonly ordering: readonly Ordering[];
  readonly after: number | null;
  readonly limit: number;
};

async function findEvents(db: Queryable, userId: number, find: Find): Promise<JobEvent[]> {
  const { conditions, ordering, after, limit } = find;
  if (limit <= 1) return [];
  const descending = ordering[0]?.descending ?? false;
  const bounds = await eventBounds(db);
  if (after !== null && descending) bounds.last = Math.min(bounds.last, after - 1);
  if (after !== null && !descending) bounds.first = Math.max(bounds.first, after + 1);
  const found: JobEvent[] = [];
  for await (const window of isNarrow(conditions) ? [bounds] : windows(bounds, descending)) {
    const parameters = new Parameters();
    const where = whereSql(parameters, { userId, conditions, window });
    const { rows } = await db.query<JobEvent>(
      `SELECT ${EVENT_COLUMNS} ${FROM} WHERE ${where} ORDER BY e.id ${descending ? "DESC" : ""} LIMIT ${parameters.add(limit - found.length, "bigint")}`,
      parameters.values,
    );
    for (const event of rows) found.push(event);
    if (found.length >= limit) break;
  }
  return found;
}

async function countEvents(db: Queryable, userId: number, conditions: readonly Condition[]): Promise<number> {
  const bounds = await eventBounds(db);
  let sum = 0;
  for await (const window of isNarrow(conditions) ? [bounds] : windows(bounds, false)) {
    const parameters = new Parameters();
    const where = whereSql(parameters, { userId, conditions, window });
    const { rows } = await db.query<{ n: number }>(`SELECT count(*) AS n ${FROM} WHERE ${where}`, parameters.values);
    sum += rows[0]?.n ?? 0;
  }
  return sum;
}

/** The index of a job's events finds them at once; everything else is walked in windows of ids. */
function isNarrow(conditions: readonly Condition[]): boolean {
  return conditions.some(({ field, op }) => field === "job" && op === "=");
}

async function eventBounds(db: Queryable): Promise<{ first: number; last: number; isOpen: boolean }> {
  const { rows } = await db.query<{ first: number | null; last: number | null }>(
    "SELECT min(id) AS first, max(id) AS last FROM job_events",
  );
  return { first: rows[0]?.first ?? 1, last: rows[0]?.last ?? 0, isOpen: false };
}

const FROM = "FROM job_events e JOIN job_life l ON l.id = e.job_id JOIN sites s ON s.id = l.site_id";

type Scope = {
  readonly userId: number;
  readonly conditions: readonly Condition[];
  readonly window: { readonly first: number; readonly last: number };
};

function whereSql(parameters: Parameters, { userId, conditions, window }: Scope): string {
  const user = parameters.add(userId, "bigint");
  const range = `e.id BETWEEN ${parameters.add(window.first, "bigint")} AND ${parameters.add(window.last, "bigint")}`;
  const rest = conditions.map((condition) => conditionSql(condition, parameters));
  return [`s.owner_id = ${user}`, "s.deleted IS NULL", range, ...rest].join(" AND ");
}

const COLUMNS: Readonly<Record<string, { readonly sql: string; readonly type: string }>> = {
  id: { sql: "e.id", type: "bigint" },
  job: { sql: "e.job_id", type: "bigint" },
  site: { sql: "s.name", type: "text" },
  from: { sql: "e.from_state", type: "job_state" },
  at: { sql: "e.at", type: "timestamptz" },
  attempt: { sql: "e.attempt", type: "double precision" },
  session: { sql: "e.session_id", type: "bigint" },
  batchJob: { sql: "e.batch_job_id", type: "bigint" },
  stale: { sql: "e.stale", type: "boolean" },
};

function conditionSql({ field, op, values }: Condition, parameters: Parameters): string {
  if (field === "to") return `${op === "!=" ? "NOT " : ""}e.path && ${parameters.add(values, "job_state[]")}`;
  const { sql, type } = COLUMNS[field] ?? { sql: "e.id", type: "bigint" };
  if (op === "=") return `${sql} = ANY(${parameters.add(values, `${type}[]`)})`;
  if (op === "!=") return `(${sql} IS NULL OR ${sql} <> ALL(${parameters.add(values, `${type}[]`)}))`;
  if (op === "~") return `position(${parameters.add(values[0], "text")} in ${sql}) > 0`;
  return `${sql} ${op} ${parameters.add(values[0], type)}`;
}
