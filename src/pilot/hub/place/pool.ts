/**
 * The nodes of a pilot and what is free on each. Nodes are kept in buckets by their free cores, so that the tightest
 * node that fits is found without looking at the others.
 */
import { chooseGpus, type GpuShare, haveGpus } from "./gpus.ts";
import { gpuUnits, type Shape } from "./shape.ts";

/** What a node promises; memory 0 = not counted. */
export interface Capacity {
  readonly cores: number;
  readonly gpus: number;
  readonly memoryBytes: number;
}

/** What is free on a node, or would be. */
export interface Room {
  freeCores: number;
  /** Units of each device. */
  gpuFree: number[];
  memoryFree: number;
  /** Of the packing allowance of 1. */
  packingFree: number;
}

export interface PoolNode extends Room {
  readonly index: number;
  readonly capacity: Capacity;
  /** 1 where the core is free. */
  readonly coreIsFree: Uint8Array;
  readonly shares: Map<number, Share>;
  isUp: boolean;
  next: PoolNode | null;
  previous: PoolNode | null;
}

/** What one task has of one node. */
export interface Share {
  readonly node: PoolNode;
  readonly task: number;
  readonly shape: Shape;
  /** Positions in the node's list of cores. */
  readonly cores: readonly number[];
  readonly gpus: readonly GpuShare[];
  /** When the task should be over, milliseconds of the hub's clock; null = unknown. */
  readonly endsAt: number | null;
}

export interface Pool {
  readonly nodes: PoolNode[];
  /** First node of each bucket; the index is the number of free cores. */
  readonly buckets: (PoolNode | null)[];
  freeCores: number;
}

/** Packing parts such as 1/3 are added up in floating point. */
const slack = 1e-9;

export const createPool = (): Pool => ({ nodes: [], buckets: [], freeCores: 0 });

/** Adds a node with nothing on it. */
export function addNode(pool: Pool, capacity: Capacity): PoolNode {
  const node: PoolNode = {
    index: pool.nodes.length,
    capacity,
    coreIsFree: new Uint8Array(capacity.cores).fill(1),
    shares: new Map(),
    isUp: true,
    next: null,
    previous: null,
    ...emptyRoom(capacity),
  };
  pool.nodes.push(node);
  while (pool.buckets.length <= capacity.cores) pool.buckets.push(null);
  link(pool, node);
  pool.freeCores += node.freeCores;
  return node;
}

/** Takes a node out of placement; what runs on it stays counted until it is released. */
export function removeNode(pool: Pool, node: PoolNode): void {
  if (!node.isUp) return;
  node.isUp = false;
  unlink(pool, node);
  pool.freeCores -= node.freeCores;
}

/** What a node has when nothing runs on it. */
export function emptyRoom(capacity: Capacity): Room {
  return {
    freeCores: capacity.cores,
    gpuFree: new Array<number>(capacity.gpus).fill(gpuUnits),
    memoryFree: capacity.memoryBytes > 0 ? capacity.memoryBytes : Number.POSITIVE_INFINITY,
    packingFree: 1,
  };
}

/** Whether a task of this shape fits into one node's room. */
export function fits(room: Room, shape: Shape): boolean {
  return (
    shape.cores <= room.freeCores &&
    shape.memoryBytes <= room.memoryFree &&
    shape.packing <= room.packingFree + slack &&
    haveGpus(room.gpuFree, shape.gpu)
  );
}

/** Gives a task its share of a node it fits; consecutive cores where there are. */
export function takeShare(pool: Pool, node: PoolNode, use: Pick<Share, "task" | "shape" | "endsAt">): Share {
  const { shape } = use;
  const isWhole = shape.cores === node.capacity.cores;
  const cores = isWhole ? allCores(shape.cores) : chooseCores(node.coreIsFree, shape.cores);
  const gpus = chooseGpus(node.gpuFree, shape.gpu) ?? [];
  if (isWhole) node.coreIsFree.fill(0);
  else for (const core of cores) node.coreIsFree[core] = 0;
  for (const { device, units } of gpus) node.gpuFree[device] = (node.gpuFree[device] ?? 0) - units;
  node.memoryFree -= shape.memoryBytes;
  node.packingFree -= shape.packing;
  changeFreeCores(pool, node, -cores.length);
  const share: Share = { ...use, node, cores, gpus };
  node.shares.set(use.task, share);
  return share;
}

/** Frees a share. */
export function releaseShare(pool: Pool, share: Share): void {
  const { node, shape } = share;
  if (!node.shares.delete(share.task)) return;
  if (share.cores.length === node.capacity.cores) node.coreIsFree.fill(1);
  else for (const core of share.cores) node.coreIsFree[core] = 1;
  addShare(node, share, { withCores: false });
  // Sums of fractions drift; an idle node starts afresh.
  if (node.shares.size === 0) node.packingFree = 1;
  changeFreeCores(pool, node, shape.cores);
}

/** Hands a share on, as it is, to another task of the same shape. */
export function passShare(share: Share, to: Pick<Share, "task" | "endsAt">): Share {
  const passed: Share = { ...share, ...to };
  share.node.shares.delete(share.task);
  share.node.shares.set(to.task, passed);
  return passed;
}

/** Puts what a share holds back into a room. */
export function addShare(room: Room, { shape, gpus }: Share, { withCores } = { withCores: true }): void {
  if (withCores) room.freeCores += shape.cores;
  for (const { device, units } of gpus) room.gpuFree[device] = (room.gpuFree[device] ?? 0) + units;
  room.memoryFree += shape.memoryBytes;
  room.packingFree += shape.packing;
}

/** Whole nodes share one list: tasks over hundreds of them would fill the memory with the same numbers. */
const wholeNodes = new Map<number, readonly number[]>();

function allCores(count: number): readonly number[] {
  const known = wholeNodes.get(count) ?? Array.from({ length: count }, (_, core) => core);
  wholeNodes.set(count, known);
  return known;
}

function chooseCores(isFree: Uint8Array, count: number): readonly number[] {
  for (let start = isFree.indexOf(1); start >= 0; ) {
    let end = start + 1;
    while (end - start < count && isFree[end] === 1) end += 1;
    if (end - start === count) {
      const cores: number[] = [];
      for (let core = start; core < end; core += 1) cores.push(core);
      return cores;
    }
    start = isFree.indexOf(1, end);
  }
  const scattered: number[] = [];
  for (let core = 0; scattered.length < count && core < isFree.length; core += 1)
    if (isFree[core] === 1) scattered.push(core);
  return scattered;
}

function changeFreeCores(pool: Pool, node: PoolNode, by: number): void {
  if (node.isUp) unlink(pool, node);
  node.freeCores += by;
  if (!node.isUp) return;
  link(pool, node);
  pool.freeCores += by;
}

function link(pool: Pool, node: PoolNode): void {
  const first = pool.buckets[node.freeCores] ?? null;
  node.previous = null;
  node.next = first;
  if (first) first.previous = node;
  pool.buckets[node.freeCores] = node;
}

function unlink(pool: Pool, node: PoolNode): void {
  if (node.previous) node.previous.next = node.next;
  else pool.buckets[node.freeCores] = node.next;
  if (node.next) node.next.previous = node.previous;
  node.next = null;
  node.previous = null;
}
