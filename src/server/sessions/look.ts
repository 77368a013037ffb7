import type { App } from "../../client/wire/entities.ts";
import type { BodyOf } from "../../client/wire/operations.ts";
import type { Offer } from "../../client/wire/sessions.ts";
import type { Transaction } from "../database/index.ts";
import { keepToIndexes, toMib, toMilli } from "../life/index.ts";
import { type Free, fitJobs, take } from "./fit.ts";
import { lockLiveSession } from "./lock-session.ts";
import { loadApps, loadOffers, takeJobs } from "./offers.ts";
import type { LiveSession } from "./read-session.ts";
import { findRunnable, lockRunnable, type Wish } from "./runnable.ts";

/** What an acquire asks, resolved. */
export type Request = {
  readonly session: LiveSession;
  readonly wish: Wish;
  readonly free: Free;
  readonly most: number;
  readonly wantWide: boolean;
  readonly knownApps: readonly string[];
  readonly resume: readonly number[] | null;
};

export type Found = {
  readonly offers: Offer[];
  readonly apps: App[];
  /** What is still free, where more jobs were asked for. */
  readonly unmet: { readonly free: Free; readonly most: number } | null;
};

/** Pages looked through in one acquire; each but the last hands out a job at least. */
const MOST_PAGES = 20;

/** Reads an acquire for a session. */
export function readRequest(session: LiveSession, body: BodyOf<"sessionAcquire">): Request {
  const { free, wallTimeLeftMin, tags } = body;
  return {
    session,
    wish: {
      siteId: session.siteId,
      nodes: session.nodes,
      node: session.node,
      // No time left takes no job at all, those of unknown length included.
      wallSec: wallTimeLeftMin === null ? UNBOUNDED_SEC : Math.min(Math.floor(wallTimeLeftMin * 60), UNBOUNDED_SEC),
      tags: Object.keys(tags).length === 0 ? null : JSON.stringify(tags),
      apps: body.apps,
      never: session.never ?? new Set(),
    },
    free: {
      cores: free.cores,
      gpusMilli: toMilli(free.gpus),
      memoryMib: session.node.memoryMib === 0 ? Number.POSITIVE_INFINITY : toMib(free.memoryBytes),
      wholeNodes: Math.min(Math.floor(free.wholeNodes), session.nodes),
    },
    most: body.maxJobs,
    wantWide: body.wantWide,
    knownApps: body.knownApps,
    resume: body.resume,
  };
}

/** What a search found beforehand, where the wish is for more than the index knows: ids in order, not locked; `first` whether they fit now or not. */
export type Searched = { readonly fitting: readonly number[]; readonly first: readonly number[] };

/** One look for jobs: takes those that fit and answers them whole. Throws SESSION_GONE. */
export async function look(
  tx: Transaction,
  request: Request,
  { searched, now }: { searched: Searched | null; now: number },
): Promise<Found> {
  const { session, wish, most } = request;
  await Promise.all([keepToIndexes(tx, "in order"), lockLiveSession(tx, session.id, session.ownerId)]);
  const holder = { sessionId: session.id, batchJobId: session.batchJobId, now };
  const ids = request.resume === null ? [] : await findUnheard(tx, session.id, request.resume);
  let free = request.free;
  let left = most;
  for (let page = 0; page < MOST_PAGES && left > 0; page += 1) {
    const jobs = searched
      ? await lockRunnable(tx, wish.siteId, searched.fitting)
      : await findRunnable(tx, wish, { free, most: left });
    const fitted = fitJobs(jobs, free, { node: wish.node, most: left });
    const taken = fitted.taken.map(({ id }) => id);
    await takeJobs(tx, taken, holder);
    ids.push(...taken);
    const isLast = searched !== null || jobs.length < left;
    free = fitted.left;
    left -= taken.length;
    if (isLast || taken.length === 0) break;
  }
  const wide = request.wantWide ? await takeWide(tx, request, { searched, taken: new Set(ids), holder }) : null;
  if (wide !== null) ids.push(wide);
  const offers = await loadOffers(tx, ids, wide);
  return {
    offers,
    apps: await loadApps(tx, offers, request.knownApps),
    unmet: left > 0 && free.cores > 0 ? { free, most: left } : null,
  };
}

type Holder = { readonly sessionId: number; readonly batchJobId: number | null; readonly now: number };

/** The first job of all that are left, where the pilot could run it but for what is in use now. */
async function takeWide(
  tx: Transaction,
  { wish, free }: Request,
  { searched, taken, holder }: { searched: Searched | null; taken: ReadonlySet<number>; holder: Holder },
): Promise<number | null> {
  const [first] = searched
    ? await lockRunnable(tx, wish.siteId, searched.first.filter((id) => !taken.has(id)).slice(0, 1))
    : await findRunnable(tx, wish, { free: null, most: 1 });
  if (!first || take(free, first, wish.node) !== null) return null;
  await takeJobs(tx, [first.id], holder);
  return first.id;
}

/** Jobs the session holds that the pilot never heard of: the answer that offered them was lost. */
async function findUnheard(tx: Transaction, sessionId: number, heard: readonly number[]): Promise<number[]> {
  const { rows } = await tx.query<{ id: number }>(
    `SELECT id FROM job_life WHERE session_id = $1 AND state IN ('PREPROCESSED', 'RESTART_READY') AND id <> ALL ($2::bigint[]) ORDER BY id`,
    [sessionId, heard],
  );
  return rows.map(({ id }) => id);
}

/** Longer than any job. */
const UNBOUNDED_SEC = 2_147_483_647;
