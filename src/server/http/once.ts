/**
 * Idempotency keys. The key's row is inserted first in the transaction that does the work, so that work and answer
 * commit together or not at all; a concurrent duplicate waits on the row's unique index until the first has committed,
 * and then reads its answer. One statement more where the key is new, none of it where no key is sent.
 */
import { ConiferError } from "../../model/errors.ts";
import type { Database, Transaction } from "../database/index.ts";

export type RequestKey = { readonly userId: number; readonly key: string; readonly hash: Uint8Array };

/** Runs `work` once for a key; a replay gets the first answer, another request under the same key is refused. */
export async function runOnce<T>(
  db: Database,
  request: RequestKey | null,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  if (request === null) return db.transaction(work);
  return db.transaction(async (tx) => {
    const inserted = await tx.query(
      "INSERT INTO idempotency (user_id, key, request_hash, answer) VALUES ($1, $2, $3, 'null') ON CONFLICT DO NOTHING",
      [request.userId, request.key, request.hash],
    );
    if (inserted.rowCount === 0) return replay<T>(tx, request);
    const answer = await work(tx);
    await tx.query("UPDATE idempotency SET answer = $3::text::jsonb WHERE user_id = $1 AND key = $2", [
      request.userId,
      request.key,
      JSON.stringify(answer),
    ]);
    return answer;
  });
}

async function replay<T>(tx: Transaction, request: RequestKey): Promise<T> {
  const { rows } = await tx.query<{ request_hash: Uint8Array; answer: T }>(
    "SELECT request_hash, answer FROM idempotency WHERE user_id = $1 AND key = $2",
    [request.userId, request.key],
  );
  const first = rows[0];
  if (!first) throw new ConiferError("SERVER_BUSY", { problem: "an idempotency key vanished while it was looked up" });
  if (Buffer.compare(first.request_hash, request.hash) !== 0)
    throw new ConiferError("IDEMPOTENCY_MISMATCH", { key: request.key });
  return first.answer;
}
