/**
 * Follows allocations: what somebody wishes of each (have it, or give it up) against what the scheduler says. Asks the
 * scheduler in bulk, submits and cancels what must be, and answers how each one stands. Throws SCHEDULER_SILENT where the
 * scheduler does not answer; then nothing is known and the caller asks again later.
 *
 * A submit whose answer was lost (this process was killed right after it) is found again by its key, so nothing is
 * submitted twice. An allocation that a scheduler has forgotten is taken for failed only after a while, because some
 * schedulers drop a job from the queue a moment before their accounting has it.
 */
import { messageOf } from "../model/errors.ts";
import type { AllocationRequest, AllocationStatus, Scheduler, Submission } from "../platform/schedulers/scheduler.ts";

/** What is wished of one allocation. */
export type AllocationWish = {
  /** Unique among the caller's allocations. */
  readonly key: string;
  /** The scheduler's id; null = not submitted, as far as is known. */
  readonly id: string | null;
  readonly isGivenUp: boolean;
};

/** How an allocation stands. Times are milliseconds since 1970. */
export type Standing =
  | { readonly state: "waiting"; readonly reason: string }
  | { readonly state: "refused"; readonly reason: string }
  /** The scheduler does not know it just now: nothing new is known. */
  | { readonly state: "unknown"; readonly id: string }
  | ({ readonly id: string } & AllocationStatus)
  | { readonly state: "ended"; readonly id: null; readonly outcome: "cancelled"; readonly reason: string };

/** Why nothing is submitted: for now, or for good. */
export type NotAsked = Extract<Standing, { readonly state: "waiting" | "refused" }>;

/** Since when the scheduler has not known an allocation, by its id; kept from one follow to the next. */
export type Unseen = Map<string, number>;

export type FollowOptions = {
  readonly scheduler: Scheduler;
  /** Makes what the scheduler is asked for, or says why it is not asked (yet); called right before the submit. */
  readonly prepare: (key: string) => Promise<AllocationRequest | NotAsked>;
  readonly unseen: Unseen;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** How long an allocation may be unknown to the scheduler. Default 60. */
  readonly forgottenSec?: number;
};

/** How each wished allocation stands, by key, after what had to be submitted and cancelled has been. */
export async function followAllocations(
  wishes: readonly AllocationWish[],
  options: FollowOptions,
): Promise<Map<string, Standing>> {
  const { scheduler } = options;
  const standings = new Map<string, Standing>();
  const ids = new Map(wishes.flatMap(({ key, id }) => (id === null ? [] : [[key, id] as const])));
  const without = wishes.filter(({ key }) => !ids.has(key)).map(({ key }) => key);
  if (without.length > 0) for (const [key, id] of await scheduler.find(without)) ids.set(key, id);

  for (const { key } of wishes.filter(({ key, isGivenUp }) => isGivenUp && !ids.has(key)))
    standings.set(key, { state: "ended", id: null, outcome: "cancelled", reason: "given up before it was submitted" });

  let statuses = await askStatus(scheduler, ids);
  const cancel = wishes.filter(({ isGivenUp }) => isGivenUp).map(({ key }) => ids.get(key) ?? "");
  const alive = cancel.filter((id) => (statuses.get(id)?.state ?? "ended") !== "ended");
  if (alive.length > 0) await scheduler.cancel(alive);

  const submitted = await submitAll(
    wishes.filter(({ key }) => !ids.has(key) && !standings.has(key)),
    {
      ...options,
      queued: [...statuses.values()].filter(({ state }) => state === "queued").length,
    },
  );
  for (const [key, result] of submitted)
    if (typeof result === "string") ids.set(key, result);
    else standings.set(key, result);
  if (submitted.size > 0 || alive.length > 0) statuses = await askStatus(scheduler, ids);

  for (const [key, id] of ids) standings.set(key, judge(id, statuses.get(id), options));
  return inOrderOf(wishes, standings);
}

function inOrderOf(wishes: readonly AllocationWish[], standings: ReadonlyMap<string, Standing>): Map<string, Standing> {
  return new Map(
    wishes.flatMap(({ key }) => {
      const standing = standings.get(key);
      return standing === undefined ? [] : [[key, standing] as const];
    }),
  );
}

async function askStatus(scheduler: Scheduler, ids: ReadonlyMap<string, string>) {
  return ids.size === 0 ? new Map<string, AllocationStatus>() : scheduler.status([...ids.values()]);
}

/** Ids, or why there is none, by key; what the scheduler's queue has no room for waits. */
async function submitAll(
  wishes: readonly AllocationWish[],
  { scheduler, prepare, queued }: FollowOptions & { readonly queued: number },
): Promise<Map<string, string | Standing>> {
  const results = new Map<string, string | Standing>();
  if (wishes.length === 0) return results;
  const { maxQueued } = await scheduler.limits();
  /** Queues that take no more: nothing else is asked of them this round. */
  const full = new Map<string, Submission>();
  let room = (maxQueued ?? Number.POSITIVE_INFINITY) - queued;
  for (const { key } of wishes) {
    if (room <= 0) {
      results.set(key, { state: "waiting", reason: `the scheduler lets ${maxQueued} allocations wait` });
      continue;
    }
    // What keeps one from being prepared (a full disk, say) holds back no other; the next round tries again.
    const request = await prepare(key).catch((error: unknown): NotAsked => {
      return { state: "waiting", reason: `it cannot be prepared: ${messageOf(error)}` };
    });
    if ("state" in request) {
      results.set(key, request);
      continue;
    }
    const submission = full.get(request.queue) ?? (await scheduler.submit(request));
    if (submission.kind === "full") full.set(request.queue, submission);
    if (submission.kind === "submitted") room -= 1;
    results.set(key, toResult(submission));
  }
  return results;
}

function toResult(submission: Submission): string | Standing {
  switch (submission.kind) {
    case "submitted":
      return submission.id;
    case "refused":
      return { state: "refused", reason: submission.reason };
    case "full":
    case "later":
      return { state: "waiting", reason: submission.reason };
  }
}

function judge(
  id: string,
  status: AllocationStatus | undefined,
  { unseen, now, forgottenSec = 60 }: FollowOptions,
): Standing {
  if (status !== undefined) {
    unseen.delete(id);
    return { id, ...status };
  }
  const since = unseen.get(id) ?? now;
  unseen.set(id, since);
  if (now - since < forgottenSec * 1000) return { id, state: "unknown" };
  unseen.delete(id);
  const reason = `the scheduler has not known ${id} for ${Math.round((now - since) / 1000)} s`;
  return { id, state: "ended", outcome: "failed", reason, startedAt: null, endedAt: null };
}
