/**
 * Holding nodes for one task that does not fit yet. Others may still use the held nodes where that cannot delay it:
 * when they will be over before it starts, or when they fit beside it. Run times that nobody told are taken as ending
 * at any moment, so nothing is back-filled on the strength of a guess.
 */
import { addShare, fits, type Pool, type PoolNode, type Room } from "./pool.ts";
import type { Shape } from "./shape.ts";

export interface Reservation {
  readonly task: number;
  /** No later than this the held nodes should be free, milliseconds of the hub's clock. */
  readonly startsAt: number;
  /** What each held node has left over at that time. */
  readonly spare: Map<number, Room>;
}

/** Reserves the nodes that will be free first; null where there are not enough nodes that could ever hold the task. */
export function reserve(pool: Pool, task: { id: number; shape: Shape }, now: number): Reservation | null {
  const candidates: { node: PoolNode; at: number }[] = [];
  for (const node of pool.nodes) {
    const at = node.isUp ? whenFree(node, task.shape, now) : null;
    if (at !== null) candidates.push({ node, at });
  }
  if (candidates.length < task.shape.nodes) return null;
  candidates.sort((a, b) => a.at - b.at || a.node.shares.size - b.node.shares.size || a.node.index - b.node.index);
  const held = candidates.slice(0, task.shape.nodes);
  const startsAt = Math.max(...held.map(({ at }) => at));
  return {
    task: task.id,
    startsAt,
    spare: new Map(held.map(({ node }) => [node.index, leftOver(node, task.shape, startsAt)])),
  };
}

/** The held nodes, where all of them can take the task now. */
export function heldNodes(pool: Pool, reservation: Reservation, shape: Shape): PoolNode[] | null {
  const nodes: PoolNode[] = [];
  for (const index of reservation.spare.keys()) {
    const node = pool.nodes[index];
    if (!node || !fits(node, shape)) return null;
    nodes.push(node);
  }
  return nodes;
}

/** Whether a task of this shape may use a node without delaying the one it is held for. */
export function mayUse(reservation: Reservation, node: PoolNode, shape: Shape, now: number): boolean {
  const spare = reservation.spare.get(node.index);
  return spare === undefined || endsInTime(reservation, shape, now) || fits(spare, shape);
}

/** Notes that a task was put on a held node. */
export function useSpare(reservation: Reservation, node: PoolNode, shape: Shape, now: number): void {
  const spare = reservation.spare.get(node.index);
  if (!spare || endsInTime(reservation, shape, now)) return;
  spare.freeCores -= shape.cores;
  spare.memoryFree -= shape.memoryBytes;
  spare.packingFree -= shape.packing;
}

function endsInTime({ startsAt }: Reservation, { wallMs }: Shape, now: number): boolean {
  return wallMs !== null && now + wallMs <= startsAt;
}

/** When a node can hold the shape if its tasks end as expected, at the earliest; null = never. */
function whenFree(node: PoolNode, shape: Shape, now: number): number | null {
  if (shape.cores > node.capacity.cores) return null;
  if (fits(node, shape)) return now;
  const room = roomOf(node);
  const ends = [...node.shares.values()]
    .map((share) => ({ share, at: Math.max(now, share.endsAt ?? now) }))
    .sort((a, b) => a.at - b.at);
  for (const { share, at } of ends) {
    addShare(room, share);
    if (fits(room, shape)) return at;
  }
  return null;
}

/** What is surely free at a time beside the task; below zero where it waits for tasks whose end nobody knows. */
function leftOver(node: PoolNode, shape: Shape, at: number): Room {
  const room = roomOf(node);
  for (const share of node.shares.values()) if (share.endsAt !== null && share.endsAt <= at) addShare(room, share);
  const needsGpus = shape.gpu.whole + shape.gpu.parts > 0;
  return {
    freeCores: room.freeCores - shape.cores,
    // Which devices it will get is not known yet: tasks with GPUs go elsewhere.
    gpuFree: needsGpus ? [] : room.gpuFree,
    memoryFree: room.memoryFree - shape.memoryBytes,
    packingFree: room.packingFree - shape.packing,
  };
}

function roomOf({ freeCores, gpuFree, memoryFree, packingFree }: Room): Room {
  return { freeCores, gpuFree: [...gpuFree], memoryFree, packingFree };
}
