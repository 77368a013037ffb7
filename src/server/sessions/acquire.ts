import { setTimeout as pause } from "node:timers/promises";
import type { AnswerOf, BodyOf } from "../../client/wire/operations.ts";
import type { RequestContext } from "../http/context.ts";
import { findHolders } from "./holders.ts";
import { type Found, look, type Request, readRequest, type Searched } from "./look.ts";
import { isSelective } from "./runnable.ts";
import { searchRunnable } from "./search.ts";
import { Turns } from "./turns.ts";

/** A waiting acquire looks again this often though nobody woke it: a wake from another process may be lost. */
const LOOK_AGAIN_MS = 30_000;
/** While a pilot waits and others hold what it could start, it asks them this often. */
const ASK_AGAIN_MS = 1_000;
/** A fruitless search rests this many times as long as it took, so that a wall of others' jobs is not searched without end. */
const REST_TIMES = 4;

/** Of the acquires of a site one looks at a time: two at once would only skip over each other's candidates. */
const turns = new Turns();

/**
 * Takes jobs for a session; waits for the first one as long as the pilot asked. Where less is found than could be started,
 * other pilots of the site are asked to give back what they hold and have not started. A caller who has hung up takes nothing.
 */
export async function acquire(
  context: RequestContext,
  sessionId: number,
  body: BodyOf<"sessionAcquire">,
): Promise<AnswerOf<"sessionAcquire">> {
  const { changes, sessions, signal, user } = context;
  const session = await sessions.renew(user.id, sessionId);
  const request = readRequest(session, body);
  using bell = changes.bell(`runnable:${session.siteId}`, `session:${sessionId}`);
  const end = performance.now() + body.waitSec * 1000;
  for (;;) {
    const began = performance.now();
    const searched = await search(context, request);
    const searchMs = performance.now() - began;
    const found = await turns.take(session.siteId, () => lookOnce(context, request, searched));
    const isAsking = found.unmet !== null && (await askOthers(context, request, found.unmet));
    const commands = await sessions.commands(sessionId);
    const left = end - performance.now();
    const hasNews =
      sessions.isNewsToAcquire(sessionId, commands.kill) || commands.giveBack > 0 || commands.retire !== null;
    if (found.offers.length > 0 || hasNews || left <= 0 || signal.aborted || request.most === 0)
      return { offers: found.offers, apps: found.apps, commands };
    await bell.rung({ ms: Math.min(left, isAsking ? ASK_AGAIN_MS : LOOK_AGAIN_MS), signal });
    if (searched !== null) await rest(Math.min(searchMs * REST_TIMES, end - performance.now()), signal);
    await sessions.renew(user.id, sessionId);
  }
}

/** What the index cannot say is looked for beforehand, out of everybody's way. */
async function search(
  { db, signal }: RequestContext,
  { wish, free, most, wantWide }: Request,
): Promise<Searched | null> {
  if (!isSelective(wish)) return null;
  const fitting = await searchRunnable(db, wish, { free, most, signal });
  // The first of those left is among them, or right behind.
  const first = wantWide ? await searchRunnable(db, wish, { free: null, most: fitting.length + 1, signal }) : [];
  return { fitting, first };
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0) await pause(ms, undefined, { signal }).catch(() => {});
}

/** What was taken for a caller who has hung up meanwhile is left to others: the transaction is rolled back. */
async function lookOnce(
  { db, clock, signal }: RequestContext,
  request: Request,
  searched: Searched | null,
): Promise<Found> {
  try {
    return await db.transaction(async (tx) => {
      const found = await look(tx, request, { searched, now: clock.now() });
      if (signal.aborted) throw new HungUp();
      return found;
    });
  } catch (error) {
    if (error instanceof HungUp) return { offers: [], apps: [], unmet: null };
    throw error;
  }
}

class HungUp extends Error {}

/** Asks other sessions for what this pilot could start at once; says whether there was anything to ask for. */
async function askOthers(
  { db, changes }: RequestContext,
  { session, wish }: Request,
  unmet: NonNullable<Found["unmet"]>,
): Promise<boolean> {
  const holders = await findHolders(db, wish, { ...unmet, sessionId: session.id });
  for (const [holder, count] of holders) changes.askBack(holder, count);
  return holders.size > 0;
}
