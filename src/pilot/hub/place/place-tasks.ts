/**
 * One round of placement: which waiting tasks start now, and where.
 *
 * Tasks are tried in order of priority and arrival. A single-node task goes to the node with the fewest free cores
 * that holds it, so that whole nodes stay whole. One that does not fit is passed over; once it is marked wide, or has
 * been passed over for `patienceMs`, nodes are held for it and others only back-fill. One task at a time has a
 * reservation, and keeps its nodes until it starts: a stream of small tasks cannot starve it.
 *
 * Cost: within a round room only shrinks, so a shape that failed is not tried again and a node that refused a shape
 * is not asked again; a round costs about the number of shapes plus the number of tasks placed.
 */
import { removeFirst, replaceFirst, toHeap } from "./heap.ts";
import { fits, type Pool, type PoolNode, type Share, takeShare } from "./pool.ts";
import { heldNodes, mayUse, type Reservation, reserve, useSpare } from "./reserve.ts";
import type { Shape } from "./shape.ts";
import { comesBefore, type Group, headOf, removeWaiting, type Waiting, type WaitingTask } from "./waiting.ts";

export interface PlacementState<T> {
  readonly pool: Pool;
  readonly waiting: Waiting<T>;
  reservation: Reservation | null;
}

export interface PlacementRules {
  /** Milliseconds of the hub's clock; null = no end. What is known to last longer is handed back. */
  readonly endsAt: number | null;
  /** How long a task may be passed over before nodes are held for it. */
  readonly patienceMs: number;
  /** More nodes are on their way: what does not fit those there are waits for them. Default false. */
  readonly mayGrow?: boolean;
}

export interface Placed<T> {
  readonly task: WaitingTask<T>;
  /** One of each node. */
  readonly shares: readonly Share[];
}

export interface Round<T> {
  readonly placed: readonly Placed<T>[];
  /** Tasks that this pilot cannot run, no longer waiting. */
  readonly handedBack: readonly { readonly task: WaitingTask<T>; readonly why: string }[];
}

/** Places what can start now; changes the state accordingly. */
export function placeTasks<T>(state: PlacementState<T>, rules: PlacementRules, now: number): Round<T> {
  const { pool, waiting } = state;
  const placed: Placed<T>[] = [];
  const handedBack: { task: WaitingTask<T>; why: string }[] = [];
  if (state.reservation && !holds(state, state.reservation)) state.reservation = null;
  if (pool.freeCores === 0) return { placed, handedBack };
  startHeld(state, placed, now);

  const refused = new Map<string, Set<PoolNode>>();
  const before = (a: Front<T>, b: Front<T>): boolean => comesBefore(a.head, b.head);
  const heap = toHeap([...waiting.groups.values()].flatMap(frontOf), before);
  for (let front = heap[0]; front && pool.freeCores > 0; front = heap[0]) {
    const { head: task, group } = front;
    const late = whyTooLate(task.shape, now, rules.endsAt);
    const nodes = late === null ? findNodes(state, task, { now, refused }) : null;
    if (nodes) {
      placed.push({ task, shares: start(state, { task, nodes, now }) });
    } else {
      const why = late ?? holdNodes(state, task, { now, rules });
      if (why === null) {
        removeFirst(heap, before);
        continue;
      }
      handedBack.push({ task, why });
    }
    removeWaiting(waiting, task.id);
    const next = headOf(group);
    if (next) {
      front.head = next;
      replaceFirst(heap, before);
    } else removeFirst(heap, before);
  }
  return { placed, handedBack };
}

/** A group, and which of its tasks is next. */
interface Front<T> {
  readonly group: Group<T>;
  head: NonNullable<ReturnType<typeof headOf<T>>>;
}

function frontOf<T>(group: Group<T>): Front<T>[] {
  const head = headOf(group);
  return head ? [{ group, head }] : [];
}

function holds<T>({ pool, waiting }: PlacementState<T>, { task, spare }: Reservation): boolean {
  return waiting.byId.has(task) && [...spare.keys()].every((index) => pool.nodes[index]?.isUp);
}

/** The task that nodes are held for goes first, so that no task of its shape stands before it in vain. */
function startHeld<T>(state: PlacementState<T>, placed: Placed<T>[], now: number): void {
  const { pool, waiting, reservation } = state;
  const task = reservation ? waiting.byId.get(reservation.task) : undefined;
  const nodes = reservation && task ? heldNodes(pool, reservation, task.shape) : null;
  if (!task || !nodes) return;
  placed.push({ task, shares: start(state, { task, nodes, now }) });
  removeWaiting(waiting, task.id);
}

function whyTooLate(shape: Shape, startsAt: number, endsAt: number | null): string | null {
  if (endsAt === null || startsAt + (shape.wallMs ?? 0) <= endsAt) return null;
  const minutesLeft = Math.max(0, (endsAt - startsAt) / 60_000);
  return `it would not end in time: ${minutesLeft.toFixed(1)} minutes are left of the allocation`;
}

/** As many nodes as the task spans, the tightest first; null where there are not enough. */
function findNodes<T>(
  { pool, reservation }: PlacementState<T>,
  { id, shape }: WaitingTask<T>,
  round: { now: number; refused: Map<string, Set<PoolNode>> },
): PoolNode[] | null {
  const found: PoolNode[] = [];
  const isHeldForOther = reservation !== null && reservation.task !== id;
  const refused = round.refused.get(shape.key) ?? new Set();
  round.refused.set(shape.key, refused);
  for (let cores = shape.cores; cores < pool.buckets.length; cores += 1) {
    for (let node = pool.buckets[cores] ?? null; node; node = node.next) {
      if (refused.has(node)) continue;
      if (fits(node, shape) && !(isHeldForOther && !mayUse(reservation, node, shape, round.now))) {
        found.push(node);
        if (found.length === shape.nodes) return found;
      } else {
        refused.add(node);
      }
    }
  }
  return null;
}

function start<T>(
  state: PlacementState<T>,
  { task, nodes, now }: { task: WaitingTask<T>; nodes: readonly PoolNode[]; now: number },
): Share[] {
  if (state.reservation?.task === task.id) state.reservation = null;
  const { shape } = task;
  const endsAt = shape.wallMs === null ? null : now + shape.wallMs;
  return nodes.map((node) => {
    if (state.reservation) useSpare(state.reservation, node, shape, now);
    return takeShare(state.pool, node, { task: task.id, shape, endsAt });
  });
}

/** Holds nodes for a task whose turn has come; answers why it can never start here, or null where it goes on waiting. */
function holdNodes<T>(
  state: PlacementState<T>,
  task: WaitingTask<T>,
  { now, rules }: { now: number; rules: PlacementRules },
): string | null {
  if (state.reservation || !(task.wide || now - task.since >= rules.patienceMs)) return null;
  const reservation = reserve(state.pool, task, now);
  if (!reservation) return rules.mayGrow === true ? null : "no node of this pilot can hold it";
  const late = whyTooLate(task.shape, reservation.startsAt, rules.endsAt);
  if (late === null) state.reservation = reservation;
  return late;
}
