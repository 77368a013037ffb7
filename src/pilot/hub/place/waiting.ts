/**
 * Tasks that wait for room, in groups of one shape: what does not fit for one of a group does not fit for the others,
 * so a round of placement looks at groups, never at every waiting task.
 */
import { gpuUnitsOf, type Shape } from "./shape.ts";

export interface WaitingTask<T> {
  /** Unique among the tasks of a hub. */
  readonly id: number;
  /** Higher ones first. */
  readonly priority: number;
  readonly shape: Shape;
  /** Too wide for what was free when it was taken: nodes are reserved for it at once. */
  readonly wide: boolean;
  /** When it came, milliseconds of the hub's clock. */
  readonly since: number;
  /** Of arrival; a task that comes back has its old one. */
  readonly order?: number;
  readonly payload: T;
}

interface Entry<T> extends WaitingTask<T> {
  readonly order: number;
  isGone: boolean;
}

export interface Group<T> {
  readonly shape: Shape;
  /** In order; entries before `head` and gone ones are done with. */
  entries: Entry<T>[];
  head: number;
}

export interface Waiting<T> {
  readonly groups: Map<string, Group<T>>;
  readonly byId: Map<number, Entry<T>>;
  nextOrder: number;
  /** What all of them ask, over all their nodes. */
  readonly demand: { cores: number; gpuUnits: number; memoryBytes: number };
}

export const createWaiting = <T>(): Waiting<T> => ({
  groups: new Map(),
  byId: new Map(),
  nextOrder: 0,
  demand: { cores: 0, gpuUnits: 0, memoryBytes: 0 },
});

/** Adds a task behind those of its priority, or where it stood before. */
export function addWaiting<T>(waiting: Waiting<T>, task: WaitingTask<T>): void {
  const entry: Entry<T> = { ...task, order: task.order ?? waiting.nextOrder, isGone: false };
  if (task.order === undefined) waiting.nextOrder += 1;
  waiting.byId.set(task.id, entry);
  countDemand(waiting, task.shape, 1);
  const group = waiting.groups.get(task.shape.key);
  if (!group) {
    waiting.groups.set(task.shape.key, { shape: task.shape, entries: [entry], head: 0 });
    return;
  }
  let at = group.entries.length;
  for (let low = group.head; low < at; ) {
    const middle = (low + at) >> 1;
    const other = group.entries[middle];
    if (other && comesBefore(entry, other)) at = middle;
    else low = middle + 1;
  }
  if (at === group.entries.length) group.entries.push(entry);
  else group.entries.splice(at, 0, entry);
}

/** Takes a task out, wherever it stands; undefined where it does not wait. */
export function removeWaiting<T>(waiting: Waiting<T>, id: number): WaitingTask<T> | undefined {
  const entry = waiting.byId.get(id);
  if (!entry) return undefined;
  entry.isGone = true;
  waiting.byId.delete(id);
  countDemand(waiting, entry.shape, -1);
  const group = waiting.groups.get(entry.shape.key);
  if (group) headOf(group);
  if (group && group.head >= group.entries.length) waiting.groups.delete(entry.shape.key);
  return entry;
}

/** The first task of a group, or undefined where it is empty. */
export function headOf<T>(group: Group<T>): Entry<T> | undefined {
  while (group.head < group.entries.length && group.entries[group.head]?.isGone) group.head += 1;
  if (group.head > 1024 && group.head * 2 > group.entries.length) {
    group.entries = group.entries.slice(group.head);
    group.head = 0;
  }
  return group.entries[group.head];
}

/** Up to this many tasks, the last in order first. */
export function lastWaiting<T>(waiting: Waiting<T>, count: number): WaitingTask<T>[] {
  return [...waiting.byId.values()].sort((a, b) => (comesBefore(a, b) ? 1 : -1)).slice(0, Math.max(0, count));
}

/** Whether one task goes before another: by priority, then by arrival. */
export function comesBefore(a: { priority: number; order: number }, b: { priority: number; order: number }): boolean {
  return a.priority === b.priority ? a.order < b.order : a.priority > b.priority;
}

function countDemand<T>({ demand }: Waiting<T>, shape: Shape, sign: 1 | -1): void {
  demand.cores += sign * shape.nodes * shape.cores;
  demand.gpuUnits += sign * shape.nodes * gpuUnitsOf(shape.gpu);
  demand.memoryBytes += sign * shape.nodes * shape.memoryBytes;
}
