/**
 * Changes of many jobs, by ids or by query. They go in batches, each a transaction of its own, so that no statement holds
 * the database for long: a request for up to BATCH_JOBS jobs changes all or nothing; a larger one goes batch by batch, and
 * one that breaks off half-way can be sent again.
 */
import { ConiferError } from "../../model/errors.ts";
import type { Transaction } from "../database/index.ts";
import type { RequestContext } from "../http/context.ts";
import { ownJobs } from "./own.ts";
import { findPage, type JobQuery, readSelection } from "./query/index.ts";

/** Jobs of one transaction. */
export const BATCH_JOBS = 2_000;

export type Selection = {
  readonly ids?: readonly number[] | undefined;
  readonly where?: readonly string[] | undefined;
};
/** What became of one batch: how many were changed, why others were not, and what is to be told after the commit. */
export type BatchOutcome = {
  readonly changed: number;
  readonly left: readonly { readonly reason: string; readonly count: number }[];
  readonly announce?: () => void;
};
export type Changed = { matched: number; changed: number; left: { reason: string; count: number }[] };

/** Does `work` on every batch of what the selection names. Ids of nobody's and of others' jobs count as missing. */
export async function changeInBatches(
  context: RequestContext,
  selection: Selection,
  work: (tx: Transaction, ids: readonly number[]) => Promise<BatchOutcome>,
): Promise<Changed> {
  const read = readSelection(selection, context.clock.now());
  const sum: Changed = { matched: 0, changed: 0, left: [] };
  if ("query" in read) {
    for await (const ids of findBatches(context, read.query)) await doBatch(context, { ids, sum, work });
    return sum;
  }
  for (let at = 0; at < read.ids.length; at += BATCH_JOBS) {
    const asked = read.ids.slice(at, at + BATCH_JOBS);
    const ids = await ownJobs(context.db, context.user.id, asked);
    addLeft(sum, { reason: "there is no such job", count: asked.length - ids.length });
    if (ids.length > 0) await doBatch(context, { ids, sum, work });
  }
  const [only] = read.ids;
  if (only !== undefined && sum.matched === 0)
    throw new ConiferError("NOT_FOUND", { kind: "job", name: read.ids.length === 1 ? only : "of these", list: "job" });
  return sum;
}

/** Ids that a query finds, in batches; jobs made after its start are left alone, or a busy campaign could keep it going for ever. */
export async function* findBatches({ db, user }: RequestContext, query: JobQuery): AsyncGenerator<readonly number[]> {
  const { rows } = await db.query<{ last: number | null }>("SELECT max(id) AS last FROM job_life");
  const upTo = { field: "id", key: null, op: "<=" as const, values: [rows[0]?.last ?? 0] };
  const bounded = { ordering: query.ordering, conditions: [...query.conditions, upTo] };
  let after: readonly (string | number)[] | null = null;
  do {
    const page: Awaited<ReturnType<typeof findPage>> = await findPage(db, user.id, {
      ...bounded,
      limit: BATCH_JOBS,
      after,
    });
    if (page.ids.length > 0) yield page.ids;
    after = page.next;
  } while (after !== null);
}

type Batch = {
  readonly ids: readonly number[];
  readonly sum: Changed;
  readonly work: (tx: Transaction, ids: readonly number[]) => Promise<BatchOutcome>;
};

async function doBatch({ db }: RequestContext, { ids, sum, work }: Batch): Promise<void> {
  const outcome = await db.transaction((tx) => work(tx, ids));
  outcome.announce?.();
  sum.matched += ids.length;
  sum.changed += outcome.changed;
  for (const left of outcome.left) addLeft(sum, left);
}

function addLeft(sum: Changed, { reason, count }: { reason: string; count: number }): void {
  if (count === 0) return;
  const known = sum.left.find((left) => left.reason === reason);
  if (known) known.count += count;
  else sum.left.push({ reason, count });
}

/** Equal reasons, counted. */
export function countReasons(reasons: readonly string[]): { reason: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => ({ reason, count }));
}
