import { setTimeout as pause } from "node:timers/promises";
import { ConiferError } from "../../model/errors.ts";
import type { Bell } from "../changes/index.ts";
import type { Handlers, StreamHandler } from "../http/context.ts";
import { announce, keepToIndexes, lockLives } from "../life/index.ts";
import { acquire } from "./acquire.ts";
import { closeSession } from "./close.ts";
import { createSession, findLive, listSessions } from "./create.ts";
import { freeHeld, noteWhy } from "./free-held.ts";
import { lockLiveSession } from "./lock-session.ts";
import { applyReport } from "./report.ts";

export const sessionHandlers = {
  async sessionList({ db, user, settings }, { query }) {
    const ids = await findLive(db, user.id, query.site);
    return { items: await listSessions(db, { ids, leaseSec: settings.leaseSec }) };
  },
  async sessionCreate({ once, user, clock, settings }, { body }) {
    return once((tx) => createSession(tx, body, { userId: user.id, now: clock.now(), leaseSec: settings.leaseSec }));
  },
  async sessionHeartbeat({ sessions, user }, { params }) {
    await sessions.renew(user.id, params.id);
    return { leaseSec: sessions.leaseSec, commands: await sessions.commands(params.id) };
  },
  async sessionAcquire(context, { params, body }) {
    return acquire(context, params.id, body);
  },
  async sessionReport({ db, changes, sessions, user, clock }, { params, body }) {
    // A session that has ended is answered as such only once its report is on record.
    await sessions.renew(user.id, params.id).catch((error: unknown) => unlessGone(error));
    const now = clock.now();
    const {
      answer,
      changes: changed,
      gone,
    } = await db.transaction((tx) => applyReport(tx, { sessionId: params.id, userId: user.id }, { ...body, now }));
    announce(changes, changed, now);
    if (gone !== null) throw new ConiferError("SESSION_GONE", { session: params.id, reason: gone });
    if (sessions.isKilling(params.id)) sessions.lookAgain(params.id);
    return { ...answer, commands: await sessions.commands(params.id) };
  },
  async sessionRelease({ db, changes, sessions, user, clock }, { params, body }) {
    const session = await sessions.renew(user.id, params.id);
    sessions.keepFrom(
      params.id,
      body.never.map(({ job }) => job),
    );
    const now = clock.now();
    const { freed, moved } = await db.transaction(async (tx) => {
      await keepToIndexes(tx);
      await lockLiveSession(tx, params.id, user.id);
      const rows = (await lockLives(tx, [...new Set(body.jobs)])).filter(
        (row) => row.sessionId === params.id && row.state !== "RUNNING",
      );
      const moved = await freeHeld(tx, rows, now);
      await noteWhy(tx, rows, body.never);
      return { freed: rows.length, moved };
    });
    announce(changes, moved.changes, now);
    if (moved.changes.length > 0) sessions.lookAgain(params.id);
    if (freed > moved.changes.length) changes.wake(session.siteId);
    return { released: freed };
  },
  async sessionEnd(context, { params, query }) {
    await context.sessions.renew(context.user.id, params.id);
    await closeSession(context, params.id, query);
    return null;
  },
} satisfies Partial<Handlers>;

/**
 * `GET /sessions/:id/commands`: event `commands` whenever there are some, `wake` when there may be new runnable jobs. The
 * stream ends with the session.
 */
export const sessionCommands: StreamHandler = async ({ changes, sessions, user }, { params }, stream) => {
  const session = await sessions.renew(user.id, params.id);
  using orders = changes.bell(`session:${params.id}`);
  using work = changes.bell(`runnable:${session.siteId}`);
  const over = new AbortController();
  const signal = AbortSignal.any([stream.signal, over.signal]);
  const tell = async (): Promise<void> => {
    const commands = await sessions.commands(params.id);
    if (commands.kill.length > 0 || commands.giveBack > 0 || commands.retire !== null)
      stream.send("commands", commands);
  };
  const tellUntilOver = async (): Promise<void> => {
    try {
      await tell();
    } catch (error) {
      unlessGone(error);
      over.abort();
    }
  };
  stream.open();
  await tellUntilOver();
  await Promise.all([
    eachTime(orders, signal, tellUntilOver),
    eachTime(work, signal, async () => stream.send("wake", {})),
  ]);
};

/** The least time between two events of a kind: what happens in between is told together. */
const GATHER_MS = 10;

/** Does something each time a bell rings. */
async function eachTime(bell: Bell, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    if (await bell.rung({ ms: A_DAY_MS, signal })) await work();
    await pause(GATHER_MS, undefined, { signal }).catch(() => {});
  }
}

const A_DAY_MS = 86_400_000;

function unlessGone(error: unknown): void {
  if (!(error instanceof ConiferError) || error.code !== "SESSION_GONE") throw error;
}
