/**
 * Which of the runnable jobs, in their order, are handed out for what is free. This is no placement: the server knows sums,
 * not nodes, and the hub alone places. It only keeps a pilot from taking much more than it can start.
 */
import type { Needs } from "../life/index.ts";

/** What is free now, summed over the pilot's nodes. */
export type Free = {
  readonly cores: number;
  readonly gpusMilli: number;
  /** Infinity where memory is not counted. */
  readonly memoryMib: number;
  /** Nodes with nothing on them; what they have is part of the sums. */
  readonly wholeNodes: number;
};

/** What each node of the pilot has. */
export type NodeShape = { readonly cores: number; readonly gpusMilli: number; readonly memoryMib: number };

export type Fitted<T> = { readonly taken: T[]; readonly left: Free };

/** Takes jobs in order as long as they fit; one that does not fit is passed over and blocks nobody. */
export function fitJobs<T extends Needs>(
  jobs: readonly T[],
  free: Free,
  { node, most }: { node: NodeShape; most: number },
): Fitted<T> {
  const taken: T[] = [];
  let left = free;
  for (const job of jobs) {
    if (taken.length >= most) break;
    const after = take(left, job, node);
    if (after === null) continue;
    taken.push(job);
    left = after;
  }
  return { taken, left };
}

/**
 * What is left once a job is taken, or null where it does not fit. A job of several nodes takes whole ones. A job of one
 * node takes from the nodes in part use as long as their sum lasts, then breaks a whole node.
 */
export function take(free: Free, job: Needs, node: NodeShape): Free | null {
  const cores = coresTaken(job, node);
  const left = {
    cores: free.cores - job.nodes * cores,
    gpusMilli: free.gpusMilli - job.nodes * job.gpusMilli,
    memoryMib: free.memoryMib - job.nodes * job.memoryMib,
    wholeNodes: free.wholeNodes,
  };
  if (left.cores < -ROUNDING || left.gpusMilli < 0 || left.memoryMib < 0) return null;
  const inPart = free.cores - free.wholeNodes * node.cores;
  const whole = job.nodes > 1 ? job.nodes : cores > inPart + ROUNDING ? 1 : 0;
  return whole > free.wholeNodes ? null : { ...left, wholeNodes: free.wholeNodes - whole };
}

/** Cores of each node that nobody else gets: a job that allows only so many of its kind on a node takes its share of it. */
export function coresTaken(job: Needs, node: NodeShape): number {
  return Math.max(job.cores, node.cores / job.mostPerNode);
}

/** Shares of a node are fractions. */
const ROUNDING = 1e-6;
