import type { PlacementState } from "./place/place-tasks.ts";
import { gpuUnits } from "./place/shape.ts";

/** What is free, and what waits for it. */
export interface HubRoom {
  readonly free: { cores: number; gpus: number; memoryBytes: number; wholeNodes: number };
  readonly capacity: { cores: number; gpus: number; memoryBytes: number };
  readonly waiting: { tasks: number; cores: number; gpus: number; memoryBytes: number };
  readonly runningTasks: number;
  readonly nodes: number;
  /** The task that nodes are held for: all its cores, and how long until it should start. */
  readonly reserved: { readonly cores: number; readonly inMs: number } | null;
}

/** Looks at what there is now, on the clock's `elapsed`; what no node gives (a host that only starts tasks) does not count. */
export function roomOf<T>(
  { pool, waiting, reservation }: PlacementState<T>,
  runningTasks: number,
  now: number,
): HubRoom {
  const free = { cores: pool.freeCores, gpus: 0, memoryBytes: 0, wholeNodes: 0 };
  const capacity = { cores: 0, gpus: 0, memoryBytes: 0 };
  let nodes = 0;
  for (const node of pool.nodes) {
    if (!node.isUp || node.capacity.cores === 0) continue;
    nodes += 1;
    for (const units of node.gpuFree) free.gpus += units / gpuUnits;
    // Zero stands for memory that is not counted.
    if (node.capacity.memoryBytes > 0) free.memoryBytes += Math.max(0, node.memoryFree);
    if (node.shares.size === 0) free.wholeNodes += 1;
    capacity.cores += node.capacity.cores;
    capacity.gpus += node.capacity.gpus;
    capacity.memoryBytes += node.capacity.memoryBytes;
  }
  const { cores, gpuUnits: units, memoryBytes } = waiting.demand;
  const held = reservation ? waiting.byId.get(reservation.task) : undefined;
  const inMs = reservation ? Math.max(0, reservation.startsAt - now) : 0;
  return {
    free,
    capacity,
    waiting: { tasks: waiting.byId.size, cores, gpus: units / gpuUnits, memoryBytes },
    runningTasks,
    nodes,
    reserved: held ? { cores: held.shape.nodes * held.shape.cores, inMs } : null,
  };
}
