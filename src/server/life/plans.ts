import type { Transaction } from "../database/index.ts";

/**
 * Keeps the plans of this transaction on the indexes. Its statements look rows up by lists of ids in tables that grow
 * from nothing to millions of rows between two looks of ANALYZE (PGlite has no autovacuum at all), and a statement's
 * plan is kept from its sixth use on: planned on a table of a few pages it would be a sequential scan, for ever.
 */
export async function keepToIndexes(tx: Transaction): Promise<void> {
  await tx.exec("SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off");
}
