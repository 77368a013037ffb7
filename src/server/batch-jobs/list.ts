import type { BatchJob } from "../../client/wire/entities.ts";
import type { QueryOf } from "../../client/wire/operations.ts";
import { type Ordering, parseFilter, parseOrdering } from "../../model/filter.ts";
import type { Queryable } from "../database/index.ts";
import { Parameters, readCursor, writeCursor } from "../jobs/query/index.ts";
import { BATCH_JOB_FIELDS, COLUMNS, conditionSql } from "./fields.ts";

type Page = { items: BatchJob[]; next: string | null; total: number | null };

/** One page of a user's batch jobs. They are thousands at most, so nothing but the page's order needs care. */
export async function listBatchJobs(
  db: Queryable,
  { userId, query, now: present }: { userId: number; query: QueryOf<"batchJobList">; now: number },
): Promise<Page> {
  const ordering = readOrdering(query.order);
  const cursor = query.after === undefined ? null : readCursor(query.after, ordering);
  const now = cursor?.now ?? present;
  const parameters = new Parameters();
  const conditions = query.where.map((filter) => conditionSql(parseFilter(filter, BATCH_JOB_FIELDS, now), parameters));
  const where = [`s.owner_id = ${parameters.add(userId)}`, "s.deleted IS NULL", ...conditions].join(" AND ");
  const total = query.total ? await countRows(db, where, parameters) : null;
  if (query.limit === 0) return { items: [], next: null, total };
  const beyond = cursor === null ? "" : ` AND ${beyondSql(ordering, cursor.keys, parameters)}`;
  const order = ordering.map(({ field, descending }) => `${sqlOf(field)}${descending ? " DESC" : ""}`).join(", ");
  const keys = ordering.map(({ field }, index) => `${sqlOf(field)} AS k${index}`).join(", ");
  const { rows } = await db.query<BatchJob & Record<string, string | number>>(
    `SELECT ${keys}, ${BATCH_JOB_COLUMNS} WHERE ${where}${beyond} ORDER BY ${order} LIMIT ${parameters.add(query.limit + 1)}`,
    parameters.values,
  );
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  const next =
    rows.length > page.length && last
      ? writeCursor({ keys: ordering.map((_, index) => last[`k${index}`] ?? 0), now }, ordering)
      : null;
  return { items: page.map((row) => withoutKeys(row, ordering.length)), next, total };
}

/** A batch job of the user; undefined where there is none. */
export async function findBatchJob(db: Queryable, userId: number, id: number): Promise<BatchJob | undefined> {
  const { rows } = await db.query<BatchJob>(
    `SELECT ${BATCH_JOB_COLUMNS} WHERE b.id = $1 AND s.owner_id = $2 AND s.deleted IS NULL`,
    [id, userId],
  );
  return rows[0];
}

const BATCH_JOB_COLUMNS = `b.id, b.site_id AS "siteId", s.name AS site, b.state, b.scheduler_id AS "schedulerId", b.queue, b.project, b.nodes, b.wall_time_min AS "wallTimeMin",
  b.filter_tags AS "filterTags", b.options, b.origin, b.reason, b.created, b.started, b.ended, b.expected
FROM batch_jobs b JOIN sites s ON s.id = b.site_id`;

/** The wanted order with the id behind it. */
function readOrdering(order: string | undefined): Ordering[] {
  const ordering = order === undefined ? [] : parseOrdering(order, BATCH_JOB_FIELDS);
  if (ordering.some(({ field }) => field === "id")) return ordering;
  return [...ordering, { field: "id", descending: ordering.at(-1)?.descending ?? false }];
}

async function countRows(db: Queryable, where: string, parameters: Parameters): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `SELECT count(*) AS n FROM batch_jobs b JOIN sites s ON s.id = b.site_id WHERE ${where}`,
    parameters.values,
  );
  return rows[0]?.n ?? 0;
}

/** Rows behind the last one: (a > x) OR (a = x AND b < y) OR …, each field in its own direction. */
function beyondSql(ordering: readonly Ordering[], keys: readonly (string | number)[], parameters: Parameters): string {
  const terms = ordering.map(({ field, descending }, index) => {
    const value = parameters.add(keys[index], COLUMNS[field]?.type);
    return { same: `${sqlOf(field)} = ${value}`, beyond: `${sqlOf(field)} ${descending ? "<" : ">"} ${value}` };
  });
  const steps = terms.map(({ beyond }, index) =>
    [...terms.slice(0, index).map(({ same }) => same), beyond].join(" AND "),
  );
  return `(${steps.map((step) => `(${step})`).join(" OR ")})`;
}

const sqlOf = (field: string): string => COLUMNS[field]?.sql ?? "b.id";

function withoutKeys(row: BatchJob & Record<string, unknown>, keys: number): BatchJob {
  const copy: Record<string, unknown> = { ...row };
  for (let index = 0; index < keys; index += 1) delete copy[`k${index}`];
  return copy as BatchJob;
}
