import type { Transaction } from "../database/index.ts";

const KEEP = ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"];
const IN_ORDER = [...KEEP, "enable_sort", "enable_bitmapscan"];

/** One statement, so that it is prepared once like any other; `true` is for this transaction only. */
const off = (settings: readonly string[]): string =>
  `SELECT ${settings.map((name) => `set_config('${name}', 'off', true)`).join(", ")}`;
const STATEMENTS = { "any order": off(KEEP), "in order": off(IN_ORDER) };

/**
 * Keeps the plans of this transaction on the indexes. Its statements look rows up by lists of ids in tables that grow
 * from nothing to millions of rows between two looks of ANALYZE (PGlite has no autovacuum at all), and a statement's
 * plan is kept from its sixth use on: planned on a table of a few pages it would be a sequential scan, for ever.
 * "in order" also keeps to the index that has the wanted order, instead of sorting what another one finds.
 */
export async function keepToIndexes(tx: Transaction, how: keyof typeof STATEMENTS = "any order"): Promise<void> {
  await tx.query(STATEMENTS[how]);
}
