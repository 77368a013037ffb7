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
  /** Jobs that the pilot cannot run whatever their sums say; it may grow meanwhile. */
  readonly never: ReadonlySet<number>;
};

/** Whether a wish names more than the index of runnable jobs knows. */
export const isSelective = ({ tags, apps }: Wish): boolean => tags !== null || apps.length > 0;

/**
 * The next runnable jobs of a site that may fit, in order of priority, then age, locked for this transaction; jobs that
 * another transaction is just taking are left out.
 *
 * The index holds the needs, so that jobs that do not fit are passed over in the index alone: 0.1 µs each on PostgreSQL 15,
 * where needs in `jobs` would mean two more rows to read, 2 µs.
 */
export async function findRunnable(
  tx: Transaction,
  wish: Wish,
  { free, most }: { free: Free | null; most: number },
): Promise<Candidate[]> {
  const bounds = boundsOf(wish, free);
  if (bounds === null || most < 1) return [];
  const { rows } = await tx.query<Candidate>(
    `SELECT ${COLUMNS} FROM job_life WHERE ${IS_RUNNABLE} AND ${FITS} AND id <> ALL ($9::bigint[]) ORDER BY -priority, id LIMIT $8 FOR UPDATE SKIP LOCKED`,
    [...bounds, most, [...wish.never]],
  );
  return rows;
}

/** Those of these jobs that are runnable still, in the given order, locked like `findRunnable`'s. */
export async function lockRunnable(tx: Transaction, siteId: number, ids: readonly number[]): Promise<Candidate[]> {
  if (ids.length === 0) return [];
  const { rows } = await tx.query<Candidate>(
    `SELECT ${COLUMNS} FROM job_life WHERE ${IS_RUNNABLE} AND id = ANY ($2::bigint[]) FOR UPDATE SKIP LOCKED`,
    [siteId, ids],
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

const COLUMNS = `id, attempt, nodes, cores, gpus_milli AS "gpusMilli", memory_mib AS "memoryMib", most_per_node AS "mostPerNode", wall_sec AS "wallSec"`;
/** As the index of runnable jobs has it; $1 is the site. */
export const IS_RUNNABLE = "site_id = $1 AND state IN ('PREPROCESSED', 'RESTART_READY') AND session_id IS NULL";
/** For the parameters that `boundsOf` makes. */
export const FITS =
  "nodes <= $2 AND cores <= $3 AND gpus_milli <= $4 AND memory_mib <= $5 AND most_per_node >= $6 AND wall_sec <= $7";

/** The site, and bounds of what jobs may need that fit an empty pilot (`free` null) or what is free; null where nothing can fit. */
export function boundsOf({ siteId, nodes, node, wallSec }: Wish, free: Free | null): number[] | null {
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
