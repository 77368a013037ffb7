import type { Services } from "../http/context.ts";
import { announce } from "../life/index.ts";
import { type EndedSession, endSession } from "./end.ts";

/** Ends a session and tells everybody; says whether it was this call that ended it. */
export async function closeSession(
  { db, changes, sessions, clock }: Pick<Services, "db" | "changes" | "sessions" | "clock">,
  id: number,
  { reason, ifExpiredBy }: { reason: string; ifExpiredBy?: number },
): Promise<boolean> {
  const now = clock.now();
  const ended = await db.transaction((tx) => endSession(tx, id, { reason, now, ifExpiredBy }));
  if (ended) announceEnded({ changes, sessions }, ended, now);
  return ended !== undefined;
}

/** Tells of a session that has ended, after the commit. */
export function announceEnded(
  { changes, sessions }: Pick<Services, "changes" | "sessions">,
  ended: EndedSession,
  now: number,
): void {
  sessions.forget(ended.id);
  announce(changes, ended.changes, now);
  if (ended.freed > 0) changes.wake(ended.siteId);
  changes.command(ended.id);
}
