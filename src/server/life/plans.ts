import type { Transaction } from "../database/index.ts";

const KEEP = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off";

/**
 * Keeps the plans of this transaction on the indexes. Its statements look rows up by lists of ids in tables that grow
 * from nothing to millions of rows between two looks of ANALYZE (PGlite has no autovacuum at all), and a statement's
 * plan is kept from its sixth use on: planned on a table of a few pages it would be a sequential scan, for ever.
 * "in order" also keeps to the index that has the wanted order, instead of sorting what another one finds.
 */
export async function keepToIndexes(tx: Transaction, how: "any order" | "in order" = "any order"): Promise<void> {
  await tx.exec(how === "in order" ? `${KEEP}; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off` : KEEP);
}
