/**
 * One round of batch jobs between server and scheduler: what the server asks for is submitted, what it gives up is
 * cancelled, what the scheduler says is told to the server. A pilot that died leaves a journal: it is delivered before its
 * batch job is reported as ended, so that nothing that was done is run again.
 */
import {
  type AllocationWish,
  followAllocations,
  type NotAsked,
  type Standing,
  type Unseen,
} from "../../allocation/index.ts";
import type { BatchJob, BatchState } from "../../client/wire/entities.ts";
import { isConiferError, messageOf } from "../../model/errors.ts";
import { deliverJournal } from "../../pilot/hub/report/deliver.ts";
import type { AllocationRequest } from "../../platform/schedulers/scheduler.ts";
import type { AgentContext } from "../agent/context.ts";
import { isOutage } from "../agent/module.ts";
import { afterOthers } from "./after.ts";
import { listOpenBatchJobs } from "./list.ts";
import { pilotDirectory, preparePilot } from "./pilot-request.ts";

const EXPECTATION_MOVES_MS = 300_000;

export type BatchUpdate = {
  readonly id: number;
  readonly state?: BatchState;
  readonly schedulerId?: string;
  readonly reason?: string;
  readonly started?: string;
  readonly ended?: string;
  readonly expected?: string;
};
export type BatchRound = { readonly open: number; readonly queued: number; readonly running: number };

/** Throws SCHEDULER_SILENT or what the server's absence throws; then nothing of this round is lost, the next one finds it again. */
export async function syncBatchJobs(context: AgentContext, unseen: Unseen, now = Date.now()): Promise<BatchRound> {
  const batchJobs = await listOpenBatchJobs(context.client, context.identity.siteId);
  const byKey = new Map(batchJobs.map((batchJob) => [String(batchJob.id), batchJob]));
  const standings = await followAllocations(batchJobs.map(toWish), {
    scheduler: context.scheduler,
    unseen,
    now,
    prepare: (key) => prepare(byKey.get(key) as BatchJob, context),
  });
  const updates: BatchUpdate[] = [];
  for (const [key, standing] of standings) {
    const batchJob = byKey.get(key);
    if (batchJob === undefined) continue;
    // Put back into the queue, it has lost its pilot as well.
    const hasNoPilot = standing.state === "ended" || (standing.state === "queued" && batchJob.state === "running");
    const note = hasNoPilot ? await deliverLastReports(batchJob, context) : "";
    const update = toUpdate(batchJob, standing, note);
    if (update !== null) updates.push(update);
  }
  if (updates.length > 0) {
    await context.client.call("batchJobUpdate", { body: { items: updates }, retry: true });
    for (const update of updates) context.log.info({ update }, "batch job");
  }
  await giveUpOrphans(byKey, context);
  const states = [...standings.values()].map(({ state }) => state);
  return {
    open: states.filter((state) => state !== "ended" && state !== "refused").length,
    queued: states.filter((state) => state === "queued" || state === "waiting").length,
    running: states.filter((state) => state === "running").length,
  };
}

/** What the scheduler is asked for, once the batch jobs before it are far enough to be named. */
async function prepare(batchJob: BatchJob, context: AgentContext): Promise<AllocationRequest | NotAsked> {
  const get = (id: number) => context.client.call("batchJobGet", { params: { id } }).catch(unlessGone);
  const dependency = await afterOthers(batchJob, { get, kind: context.scheduler.kind });
  return "state" in dependency ? dependency : preparePilot({ ...batchJob, options: dependency.options }, context);
}

/**
 * Allocations whose batch job is over at the server: one that was cancelled there while it was being submitted here. Each
 * is asked for by id before it is given up, because a list may be incomplete.
 */
async function giveUpOrphans(open: ReadonlyMap<string, BatchJob>, context: AgentContext): Promise<void> {
  const { client, scheduler, log } = context;
  for (const { id, key } of await scheduler.own()) {
    if (open.has(key)) continue;
    const found = await client.call("batchJobGet", { params: { id: Number(key) } }).catch(unlessGone);
    const isOver = found === null || ["finished", "failed", "cancelled", "submit_failed"].includes(found.state);
    if (!isOver) continue;
    log.warn({ allocation: id, state: found?.state ?? "removed" }, "giving up an allocation whose batch job is over");
    await scheduler.cancel([id]);
  }
}

function unlessGone(error: unknown): null {
  if (isConiferError(error) && error.code === "NOT_FOUND") return null;
  throw error;
}

/** What the server is told of a batch job; null where it knows already. */
export function toUpdate(batchJob: BatchJob, standing: Standing, note = ""): BatchUpdate | null {
  const { id } = batchJob;
  switch (standing.state) {
    case "unknown": {
      const reason = "reason" in standing ? standing.reason : batchJob.reason;
      return reason === batchJob.reason || batchJob.state === "pending_deletion" ? null : { id, reason };
    }
    case "waiting":
      return standing.reason === batchJob.reason ? null : { id, reason: standing.reason };
    case "refused":
      return { id, state: "submit_failed", reason: standing.reason, ended: iso(Date.now()) };
    case "queued":
    case "running": {
      const isQueued = standing.state === "queued";
      const startedAt = isQueued ? null : standing.startedAt;
      const expectedAt = (isQueued ? standing.expectedStartAt : standing.endsAt) ?? null;
      // A batch job that is being given up stays so, with its user's words, until it has ended.
      const isGivenUp = batchJob.state === "pending_deletion";
      const state = isGivenUp ? batchJob.state : standing.state;
      const reason = isGivenUp ? batchJob.reason : isQueued ? standing.reason : "";
      const isTold = batchJob.state === state && batchJob.schedulerId === standing.id && batchJob.reason === reason;
      if (isTold && !isNews(expectedAt, batchJob)) return null;
      return {
        ...{ id, schedulerId: standing.id, state, reason },
        ...(startedAt === null ? {} : { started: iso(startedAt) }),
        ...(expectedAt === null ? {} : { expected: iso(expectedAt) }),
      };
    }
    case "ended": {
      const reason = [standing.reason, note].filter((text) => text !== "").join("; ");
      const end = { id, state: standing.outcome, reason, ended: iso(Date.now()) };
      if (standing.id === null) return end;
      const { startedAt, endedAt } = standing;
      return {
        ...end,
        schedulerId: standing.id,
        ...(startedAt === null ? {} : { started: iso(startedAt) }),
        ended: iso(endedAt ?? Date.now()),
      };
    }
  }
}

/** Schedulers think again all the time; what moves little is not worth telling. */
function isNews(expectedAt: number | null, { expected }: BatchJob): boolean {
  if (expectedAt === null) return false;
  return expected === null || Math.abs(Date.parse(expected) - expectedAt) > EXPECTATION_MOVES_MS;
}

function toWish({ id, schedulerId, state }: BatchJob): AllocationWish {
  return { key: String(id), id: schedulerId, isGivenUp: state === "pending_deletion" };
}

/** What the pilot did and could not tell any more. A journal that does not read is no reason to keep the batch job open for ever. */
async function deliverLastReports(batchJob: BatchJob, context: AgentContext): Promise<string> {
  try {
    const { delivered, lost } = await deliverJournal(pilotDirectory(context, batchJob.id), context.client);
    if (delivered + lost > 0)
      context.log.info({ batchJob: batchJob.id, delivered, lost }, "delivered a dead pilot's reports");
    return lost === 0 ? "" : `${lost} tasks were under way`;
  } catch (error) {
    if (isOutage(error)) throw error;
    context.log.error({ err: error, batchJob: batchJob.id }, "a dead pilot's journal was not delivered");
    return `its journal was not delivered: ${messageOf(error)}`;
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
