/** Hooks: jobs that wait for a function of their app to run at the site, and what it decided. */
import type { HookTask } from "../../client/wire/sessions.ts";
import { isConiferError } from "../../model/errors.ts";
import type { Handlers, RequestContext } from "../http/context.ts";
import { publishCreated } from "../jobs/publish.ts";
import { announce } from "../life/index.ts";
import { resolveSite } from "../sites/resolve.ts";
import { takeHooks, type Wanted } from "./acquire.ts";
import { type Completed, completeHooks } from "./complete.ts";
import type { Outcome } from "./judge.ts";

/** A waiting call looks again this often though nobody woke it: a lease of a hook may have run out. */
const LOOK_AGAIN_MS = 30_000;

export const hookHandlers = {
  async hooksAcquire({ db, user, changes, clock, signal }, { params, body }) {
    const { id: siteId } = await resolveSite(db, user.id, params.id);
    using bell = changes.bell(`hooks:${siteId}`);
    const end = performance.now() + body.waitSec * 1000;
    const { leaseSec, holding } = body;
    let takeOver = body.takeOver;
    for (;;) {
      const wanted = { most: body.max, leaseSec, takeOver, holding, now: clock.now() };
      const tasks = await takeOnce({ db, signal }, siteId, wanted);
      const left = end - performance.now();
      if (tasks.length > 0 || left <= 0 || signal.aborted) return { tasks };
      await bell.rung({ ms: Math.min(left, LOOK_AGAIN_MS), signal });
      takeOver = false;
    }
  },
  async hooksComplete(context, { params, body }) {
    const { id: siteId } = await resolveSite(context.db, context.user.id, params.id);
    const done = await completeTogether(context, siteId, body.outcomes);
    return {
      applied: sum(done.map(({ applied }) => applied)),
      repeated: sum(done.map(({ repeated }) => repeated)),
      rejected: done.flatMap(({ rejected }) => rejected),
    };
  },
} satisfies Partial<Handlers>;

/** What was taken for an agent that has hung up meanwhile is left to its next request: the transaction is rolled back. */
async function takeOnce(
  { db, signal }: Pick<RequestContext, "db" | "signal">,
  siteId: number,
  wanted: Wanted,
): Promise<HookTask[]> {
  try {
    return await db.transaction(async (tx) => {
      const tasks = await takeHooks(tx, siteId, wanted);
      if (signal.aborted) throw new HungUp();
      return tasks;
    });
  } catch (error) {
    if (error instanceof HungUp) return [];
    throw error;
  }
}

class HungUp extends Error {}

/** All in one transaction; where one of them is wrong, each in its own, so that it spoils nobody else's. */
async function completeTogether(
  context: RequestContext,
  siteId: number,
  outcomes: readonly Outcome[],
): Promise<Pick<Completed, "applied" | "repeated" | "rejected">[]> {
  try {
    return [await complete(context, siteId, outcomes)];
  } catch (error) {
    if (!isConiferError(error) || error.status >= 500) throw error;
    const [only, other] = outcomes;
    if (only !== undefined && other === undefined)
      return [{ applied: 0, repeated: 0, rejected: [{ job: only.job, why: error.message }] }];
  }
  const done = [];
  for (const outcome of outcomes) done.push(...(await completeTogether(context, siteId, [outcome])));
  return done;
}

async function complete(
  { db, user, changes, clock }: RequestContext,
  siteId: number,
  outcomes: readonly Outcome[],
): Promise<Completed> {
  const now = clock.now();
  const done = await db.transaction((tx) => completeHooks(tx, outcomes, { siteId, userId: user.id, now }));
  announce(changes, done.changes, now);
  for (const created of done.created) publishCreated(changes, created, now);
  for (const { moved, sessions } of done.killed) {
    announce(changes, moved.changes, now);
    for (const session of sessions) changes.command(session);
  }
  return done;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
