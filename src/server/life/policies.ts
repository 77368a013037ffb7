import type { RetryPolicy } from "../../model/attempts.ts";
import type { Queryable } from "../database/index.ts";

type StoredPolicy = RetryPolicy & { readonly id: number };

/** The retry policies of jobs. They stand in the wide table, so they are read only for jobs whose attempt failed. */
export async function readPolicies(tx: Queryable, ids: readonly number[]): Promise<Map<number, RetryPolicy>> {
  if (ids.length === 0) return new Map();
  const { rows } = await tx.query<StoredPolicy>(
    `SELECT id, max_attempts AS "maxAttempts", max_losses AS "maxLosses", retry_on AS "retryOn" FROM jobs WHERE id = ANY ($1::bigint[])`,
    [ids],
  );
  return new Map(rows.map((row) => [row.id, row]));
}
