/** Handlers that read: lists, counts, one job, its history and its relatives. */
import type { Job, JobEvent } from "../../client/wire/entities.ts";
import type { Queryable } from "../database/index.ts";
import type { Handlers } from "../http/context.ts";
import { readHistory } from "./history.ts";
import { loadJobs } from "./load.ts";
import { mustOwnJob } from "./own.ts";
import { countBy, countJobs, findPage, parseJobQuery, readListRequest, writeCursor } from "./query/index.ts";
import { readTree } from "./tree.ts";

/** Whole jobs are read this many at a time, and a page ends early where they are huge. */
const ROWS_AT_ONCE = 200;
const MOST_PAGE_BYTES = 32 * 1024 * 1024;

export const jobLists = {
  async jobList({ db, user, clock }, { query }) {
    const request = readListRequest(query, clock.now());
    const total = query.total ? await countJobs(db, user.id, request) : null;
    const page = await findPage(db, user.id, { ...request, limit: query.limit });
    const { items, read } = await loadPage(db, page.ids);
    const keys = read < page.rows.length ? page.rows[read - 1]?.keys : page.next;
    const next = keys ? writeCursor({ keys, now: request.now }, request.ordering) : null;
    return { items, next, total };
  },
  async jobCounts({ db, user, clock }, { query }) {
    const counts = await countBy(db, user.id, { ...parseJobQuery(query.where, undefined, clock.now()), by: query.by });
    const sorted = [...counts].map(([key, count]) => ({ key, count })).sort((a, b) => (a.key < b.key ? -1 : 1));
    return { counts: sorted, total: sorted.reduce((sum, { count }) => sum + count, 0) };
  },
  async jobGet({ db, user }, { params }) {
    return getJob(db, user.id, params.id);
  },
  async jobHistory({ db, user }, { params }): Promise<{ items: JobEvent[] }> {
    await mustOwnJob(db, user.id, params.id);
    return { items: await readHistory(db, params.id) };
  },
  async jobTree({ db, user }, { params }) {
    await mustOwnJob(db, user.id, params.id);
    const { ids, truncated } = await readTree(db, user.id, params.id);
    return { jobs: await loadJobs(db, ids), truncated };
  },
} satisfies Partial<Handlers>;

/** One job of the user, or NOT_FOUND. */
export async function getJob(db: Queryable, userId: number, id: number): Promise<Job> {
  await mustOwnJob(db, userId, id);
  const [job] = await loadJobs(db, [id]);
  if (!job) return getJob(db, userId, id);
  return job;
}

async function loadPage(db: Queryable, ids: readonly number[]): Promise<{ items: Job[]; read: number }> {
  const items: Job[] = [];
  let read = 0;
  let bytes = 0;
  while (read < ids.length && bytes < MOST_PAGE_BYTES) {
    const jobs = await loadJobs(db, ids.slice(read, read + ROWS_AT_ONCE));
    for (const job of jobs) items.push(job);
    read += ROWS_AT_ONCE;
    if (read < ids.length) bytes += roughBytes(jobs);
  }
  return { items, read: Math.min(read, ids.length) };
}

/** Only what a user can make huge is looked at. */
function roughBytes(jobs: readonly Job[]): number {
  return JSON.stringify(jobs.map(({ data, parameters, environment }) => [data, parameters, environment])).length;
}
