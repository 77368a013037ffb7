import type { Transaction } from "../database/index.ts";
import { type Needs, UNLIMITED } from "../life/index.ts";
import type { Free, NodeShape } from "./fit.ts";

/** A runnable job that might be handed out. */
export type Candidate = Needs & { readonly id: number; readonly attempt: number };

/** Which jobs a pilot may have at all. */
export type Wish = {
  readonly siteId: number;
  /** Nodes of the pilot, and what each has. */
  readonly nodes: number;
  readonly node: NodeShape;
  /** Longest expected run time, seconds. */
  readonly wallSec: number;
  /** Tags that a job must have, as JSON; null = any. */
  readonly tags: string | null;
  /** Names of apps; empty = any. */
  readonly apps: readonly string[];
};

/**
 * The next runnable jobs of a site that may fit, in order of priority, then age, locked for this transaction; jobs that
 * another transaction is just taking are left out.
 *
 * The index holds the needs, so that jobs that do not fit are passed over in the index alone. Measured with a million
 * misfits in front (PostgreSQL 15): see bench/life. Needs in `jobs` meant a look at two rows for each.
 */
export async function findRunnable(
  tx: Transaction,
  wish: Wish,
  { free, most }: { free: Free | null; most: number },
): Promise<Candidate[]> {
  const bounds = boundsOf(wish, free);
  if (bounds === null || most < 1) return [];
  const extra: unknown[] = [];
  const add = (value: unknown): string => `$${bounds.length + extra.push(value)}`;
  let conditions = "";
  if (wish.tags !== null)
    conditions += ` AND EXISTS (SELECT FROM jobs j WHERE j.id = job_life.id AND j.tags @> ${add(wish.tags)}::jsonb)`;
  if (wish.apps.length > 0)
    conditions += ` AND app_id IN (SELECT a.id FROM apps a WHERE a.site_id = $1 AND a.name = ANY (${add(wish.apps)}::text[]))`;
  const { rows } = await tx.query<Candidate>(
    `SELECT id, attempt, nodes, cores, gpus_milli AS "gpusMilli", memory_mib AS "memoryMib", most_per_node AS "mostPerNode", wall_sec AS "wallSec"
     FROM job_life
     WHERE site_id = $1 AND state IN ('PREPROCESSED', 'RESTART_READY') AND session_id IS NULL
       AND nodes <= $2 AND cores <= $3 AND gpus_milli <= $4 AND memory_mib <= $5 AND most_per_node >= $6 AND wall_sec <= $7${conditions}
     ORDER BY priority DESC, id LIMIT ${add(most)} FOR UPDATE SKIP LOCKED`,
    [...bounds, ...extra],
  );
  return rows;
}

/** Bounds of the index's columns for jobs that fit an empty pilot, or what is free; null where nothing can fit. */
function boundsOf({ siteId, nodes, node, wallSec }: Wish, free: Free | null): number[] | null {
  const cores = Math.min(node.cores, free?.cores ?? Infinity);
  if (cores <= 0 || wallSec <= 0) return null;
  const memory = node.memoryMib === 0 ? UNLIMITED : Math.min(node.memoryMib, free?.memoryMib ?? Infinity);
  return [
    siteId,
    free === null ? nodes : Math.max(1, Math.min(nodes, free.wholeNodes)),
    Math.floor(cores + ROUNDING),
    Math.min(node.gpusMilli, free?.gpusMilli ?? Infinity),
    memory,
    // A job that takes its share of a node fits where that share is free.
    Math.ceil(node.cores / cores - ROUNDING),
    wallSec,
  ];
}

const ROUNDING = 1e-6;
