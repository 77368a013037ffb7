import { coresPerNode, gpusPerNode, type Resources } from "../../model/resources.ts";

/**
 * What a job needs of each node, as `job_life` and its index of runnable jobs hold it: whole numbers, rounded the same
 * way for what a job asks and what a node has, so that what fits exactly still fits.
 */
export type Needs = {
  readonly nodes: number;
  readonly cores: number;
  readonly gpusMilli: number;
  readonly memoryMib: number;
  /** How many such jobs may share a node; `UNLIMITED` where the job does not say. */
  readonly mostPerNode: number;
  readonly wallSec: number;
};

/** The largest int4: no limit. */
export const UNLIMITED = 2_147_483_647;

/** The needs of a job; the trigger `needs_updated` computes the same in SQL. */
export function needsOf(resources: Resources): Needs {
  return {
    nodes: resources.nodes,
    cores: atMost(coresPerNode(resources)),
    gpusMilli: toMilli(gpusPerNode(resources)),
    memoryMib: toMib(resources.memoryPerNodeBytes),
    mostPerNode: resources.nodePackingCount === 0 ? UNLIMITED : resources.nodePackingCount,
    wallSec: toWholeSec(resources.wallTimeMin * 60),
  };
}

/** Thousandths of a GPU; rounded, because 3 × 0.1 is a little more than 0.3. */
export const toMilli = (gpus: number): number => atMost(Math.round(gpus * 1000));
/** Mebibytes, rounded up. */
export const toMib = (bytes: number): number => atMost(Math.ceil(bytes / 2 ** 20));
/** Seconds, rounded up. */
export const toWholeSec = (seconds: number): number => atMost(Math.ceil(seconds));

const atMost = (value: number): number => Math.min(value, UNLIMITED);
