import type { Database } from "../database/index.ts";

/** How long a replay of a request gets its first answer. */
const KEEP_MS = 7 * 86_400_000;

/** Forgets idempotency keys, with their answers, that nobody will send again; `now` is milliseconds since 1970. */
export async function forgetAnswers(db: Database, now: number): Promise<void> {
  await db.query("DELETE FROM idempotency WHERE created < $1", [new Date(now - KEEP_MS)]);
}
