/** Creates jobs: all of a request or none, in one transaction that is the caller's. */
import { ConiferError } from "../../../model/errors.ts";
import type { JobState } from "../../../model/states.ts";
import type { Transaction } from "../../database/index.ts";
import { draftJobs, parentIds } from "./draft.ts";
import { insertJobs } from "./insert.ts";
import { type JobItem, lockParents, resolveApps } from "./resolve.ts";

export type { JobItem } from "./resolve.ts";

export type CreateRequest = {
  readonly userId: number;
  readonly items: readonly JobItem[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** What the list is called in errors. Default `jobs`. */
  readonly where?: string;
};
/** Ids in the order of the items, and by site where the new jobs are; to be published once committed. */
export type CreatedJobs = {
  readonly ids: number[];
  readonly states: ReadonlyMap<number, ReadonlyMap<JobState, number[]>>;
};

/** Checks and stores a request's jobs; the first that is wrong is an error that names it, and then nothing is stored. */
export async function createJobs(
  tx: Transaction,
  { userId, items, now, where = "jobs" }: CreateRequest,
): Promise<CreatedJobs> {
  const appOf = await resolveApps(tx, userId, items);
  const parents = await lockParents(tx, userId, parentIds(items));
  const drafts = draftJobs({ items, appOf, parents, where });
  const ids = await reserveIds(tx, drafts.length);
  await insertJobs(tx, drafts, { ids, now });
  const states = new Map<number, Map<JobState, number[]>>();
  for (const [index, { app, path }] of drafts.entries()) {
    const site = states.get(app.siteId) ?? new Map<JobState, number[]>();
    states.set(app.siteId, site);
    const state = path.at(-1) ?? "CREATED";
    const list = site.get(state) ?? [];
    site.set(state, list);
    list.push(ids[index] ?? 0);
  }
  return { ids, states };
}

/** Ids for `count` jobs. They come as a range unless another process takes ids at the same moment. */
async function reserveIds(tx: Transaction, count: number): Promise<number[]> {
  const { rows } = await tx.query<{ first: number; ids: number[] | null }>(RESERVE, [count]);
  const row = rows[0];
  if (!row) throw new ConiferError("DATABASE_FAILED", { problem: "no ids were given" });
  return row.ids ?? Array.from({ length: count }, (_, index) => row.first + index);
}

const RESERVE = `
SELECT min(id) AS first, CASE WHEN max(id) - min(id) + 1 <> count(*) THEN array_agg(id ORDER BY id) END AS ids
FROM (SELECT nextval('jobs_id_seq') AS id FROM generate_series(1, $1::int)) AS taken`;
