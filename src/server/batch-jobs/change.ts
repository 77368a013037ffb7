import type { BatchJob, BatchState } from "../../client/wire/entities.ts";
import type { BodyOf } from "../../client/wire/operations.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Transaction } from "../database/index.ts";
import { type EndedSession, endSession } from "../sessions/index.ts";
import { afterAgentWord, afterCancel, isFinalBatchState } from "./states.ts";

type Row = {
  readonly id: number;
  readonly siteId: number;
  readonly state: BatchState;
};

export type ChangedBatchJobs = {
  readonly changed: readonly { readonly id: number; readonly siteId: number; readonly state: BatchState }[];
  /** Sessions that ended with their batch job. */
  readonly ended: readonly EndedSession[];
  /** Sessions that go on, but must be told to retire. */
  readonly retired: readonly number[];
};

type Change = {
  readonly id: number;
  readonly state: BatchState;
  readonly schedulerId?: string | undefined;
  readonly reason?: string | undefined;
  readonly started?: string | undefined;
  readonly ended?: string | undefined;
  readonly expected?: string | undefined;
};

/** Applies what the site's agent says. A word that comes too late for its batch job changes nothing of it. */
export async function applyAgentWords(
  tx: Transaction,
  items: BodyOf<"batchJobUpdate">["items"],
  { userId, now }: { userId: number; now: number },
): Promise<ChangedBatchJobs> {
  const rows = await lockBatchJobs(
    tx,
    items.map(({ id }) => id),
    userId,
  );
  const changes = new Map<number, Change>();
  for (const [index, { id, state: word, reason, ...said }] of items.entries()) {
    const row = rows.get(id);
    if (!row) throw new ConiferError("NOT_FOUND", { kind: "batch job", name: id, list: "batch" });
    const state = afterAgentWord(row.state, word);
    // What is over keeps its reason, and what is being deleted its user's, until the end says more.
    const isHeard = !isFinalBatchState(row.state) && (word === undefined || word === state);
    const before = changes.get(id);
    const change = {
      id,
      state,
      schedulerId: said.schedulerId ?? before?.schedulerId,
      reason: (isHeard ? reason : undefined) ?? before?.reason,
      started: readTime(said.started, `items[${index}].started`) ?? before?.started,
      ended: readTime(said.ended, `items[${index}].ended`) ?? before?.ended,
      expected: readTime(said.expected, `items[${index}].expected`) ?? before?.expected,
    };
    changes.set(id, withTimes(change, row.state, now));
    rows.set(id, { ...row, state });
  }
  return store(tx, [...changes.values()], now);
}

/** Gives up an allocation: at once where nothing was submitted yet, otherwise the agent has it deleted. One that is over is left alone. */
export async function cancelBatchJob(
  tx: Transaction,
  id: number,
  { userId, reason, now }: { userId: number; reason: string; now: number },
): Promise<ChangedBatchJobs> {
  const rows = await lockBatchJobs(tx, [id], userId);
  const row = rows.get(id);
  if (!row) throw new ConiferError("NOT_FOUND", { kind: "batch job", name: id, list: "batch" });
  const state = afterCancel(row.state);
  if (state === row.state) return { changed: [], ended: [], retired: [] };
  return store(tx, [withTimes({ id, state, reason }, row.state, now)], now);
}

function readTime(time: string | undefined, where: string): string | undefined {
  if (time === undefined) return undefined;
  const at = Date.parse(time);
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  const problem = `expected an ISO time, got ${JSON.stringify(time.slice(0, 40))}`;
  throw new ConiferError("BAD_INPUT", { where, problem });
}

function withTimes(change: Change, before: BatchState, now: number): Change {
  if (change.state === before) return change;
  const at = new Date(now).toISOString();
  if (change.state === "running") return { ...change, started: change.started ?? at };
  return isFinalBatchState(change.state) ? { ...change, ended: change.ended ?? at } : change;
}

async function lockBatchJobs(tx: Transaction, ids: readonly number[], userId: number): Promise<Map<number, Row>> {
  const { rows } = await tx.query<Row>(
    `SELECT b.id, b.site_id AS "siteId", b.state FROM batch_jobs b JOIN sites s ON s.id = b.site_id
     WHERE b.id = ANY ($1::bigint[]) AND s.owner_id = $2 AND s.deleted IS NULL ORDER BY b.id FOR UPDATE OF b`,
    [ids, userId],
  );
  return new Map(rows.map((row) => [row.id, row]));
}

async function store(tx: Transaction, changes: readonly Change[], now: number): Promise<ChangedBatchJobs> {
  const { rows: stored } = await tx.query<{ id: number; siteId: number; state: BatchState }>(
    `UPDATE batch_jobs b SET state = u.state, scheduler_id = coalesce(u."schedulerId", b.scheduler_id), reason = coalesce(u.reason, b.reason),
       started = coalesce(u.started, b.started), ended = coalesce(u.ended, b.ended),
       expected = CASE WHEN u.state = b.state THEN coalesce(u.expected, b.expected) ELSE u.expected END
     FROM json_to_recordset($1::json) AS u(id bigint, state batch_state, "schedulerId" text, reason text, started timestamptz, ended timestamptz, expected timestamptz)
     WHERE b.id = u.id AND (b.state, b.scheduler_id, b.reason, b.started, b.ended, b.expected) IS DISTINCT FROM
       (u.state, coalesce(u."schedulerId", b.scheduler_id), coalesce(u.reason, b.reason), coalesce(u.started, b.started), coalesce(u.ended, b.ended),
        CASE WHEN u.state = b.state THEN coalesce(u.expected, b.expected) ELSE u.expected END)
     RETURNING b.id, b.site_id AS "siteId", b.state`,
    [JSON.stringify(changes)],
  );
  const over = stored.filter(({ state }) => isFinalBatchState(state));
  const leaving = stored.filter(({ state }) => state === "pending_deletion");
  const ended: EndedSession[] = [];
  for (const { id } of await sessionsOf(tx, over)) {
    const session = await endSession(tx, id, { reason: "its batch job ended", now });
    if (session) ended.push(session);
  }
  return { changed: stored, ended, retired: (await sessionsOf(tx, leaving)).map(({ id }) => id) };
}

async function sessionsOf(tx: Transaction, batchJobs: readonly Pick<BatchJob, "id">[]): Promise<{ id: number }[]> {
  if (batchJobs.length === 0) return [];
  const { rows } = await tx.query<{ id: number }>(
    "SELECT id FROM sessions WHERE batch_job_id = ANY ($1::bigint[]) AND ended IS NULL ORDER BY id",
    [batchJobs.map(({ id }) => id)],
  );
  return rows;
}
