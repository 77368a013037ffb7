/**
 * The hub: which task on which nodes. It knows tasks and nodes and nothing of servers, sessions or reports: a source
 * admits tasks and is told, through `HubEvents`, what becomes of them. Everything happens in the turn of the event loop
 * in which a node or the source says something, so a freed slot has its next task before anybody else is told.
 */
import { messageOf } from "../../model/errors.ts";
import type { EndReason, HubMessage, NodeMessage, SharedTask, TaskEnd, TaskSpec } from "../link/messages.ts";
import { Clearing } from "./clearing.ts";
import type { Clock } from "./clock.ts";
import { Lines } from "./lines.ts";
import type { NodePromise } from "./nodes/promise.ts";
import { type Placed, type PlacementState, placeTasks } from "./place/place-tasks.ts";
import { addNode, createPool, type PoolNode, passShare, releaseShare, removeNode, type Share } from "./place/pool.ts";
import { shapeOf } from "./place/shape.ts";
import { addWaiting, createWaiting, lastWaiting, removeWaiting } from "./place/waiting.ts";
import { type HubRoom, roomOf } from "./room.ts";
import { atPlace, type Running } from "./running.ts";
import type { HubTask, TaskPlace } from "./task.ts";

/** What became of a task that had left the queue. */
export type TaskOutcome =
  /** The node's word; `asked` says why it was made to end, where it was. */
  | { readonly kind: "ended"; readonly end: TaskEnd; readonly asked: EndReason | null }
  /** It could not even be made. */
  | { readonly kind: "refused"; readonly why: string }
  /** Its node is gone, and it with it. */
  | { readonly kind: "lost"; readonly startedAt: number | null; readonly why: string };

export interface HubEvents {
  /** Whether tasks may be started now: not when they may be another pilot's already. */
  mayStart(): boolean;
  /** Before any of them is sent to a node. */
  starting(tasks: readonly HubTask[]): void;
  started(task: HubTask, start: { readonly at: number; readonly places: readonly TaskPlace[] }): void;
  /** `heldMs` is how long it had its cores. */
  ended(task: HubTask, outcome: TaskOutcome, heldMs: number): void;
  /** It has not begun after all, and waits again. */
  recalled(task: HubTask): void;
  /** A task that can never run here is no longer held. */
  handedBack(task: HubTask, why: string): void;
  /** There may be room for more. */
  changed(): void;
}

export interface HubOptions {
  readonly clock: Clock;
  readonly events: HubEvents;
  /** When everything must be over, on the clock's `elapsed`; null = no end. */
  readonly endsAt: number | null;
  /** How long a task may be passed over before nodes are held for it. Default 2 s. */
  readonly patienceMs?: number;
  /** A node gets nothing more: processes on it cannot be ended. */
  readonly onDrained?: (hostname: string, why: string) => void;
}

/** A node that tasks can be put on. */
export interface HubNode {
  readonly hostname: string;
  /** Its agent's name, as processes carry it. */
  readonly agent: string;
  /** Its place in the allocation; default the order in which nodes come. */
  readonly position?: number;
  /** Tasks that only the host of the batch script can start are started here. */
  readonly isBatchHost?: boolean;
  readonly promise: NodePromise;
  readonly send: (message: HubMessage) => void;
  /** Its place in the pool. */
  readonly slot: PoolNode;
}

export class Hub {
  readonly #options: HubOptions;
  readonly #state: PlacementState<HubTask> = { pool: createPool(), waiting: createWaiting(), reservation: null };
  readonly #nodes = new Map<number, HubNode>();
  readonly #running = new Map<string, Running>();
  readonly #runningById = new Map<number, Running>();
  readonly #lines: Lines;
  readonly #clearing: Clearing;
  #batchHost: HubNode | null = null;
  #isPaused = false;
  #mayGrow = false;

  constructor(options: HubOptions) {
    this.#options = options;
    const { clock, endsAt } = options;
    this.#lines = new Lines({
      clock,
      state: this.#state,
      hasEnd: endsAt !== null,
      recall: (tasks) => this.#recall(tasks),
    });
    this.#clearing = new Clearing({
      mayRun: ({ slot }) => this.#nodes.has(slot.index),
      onClear: (running, node) => this.#clear(running, node),
      onStuck: (node, why) => this.#drain(node, why),
      onDone: (running, end) => this.#leave(running, end),
    });
  }

  /** Adds a node; tasks may go to it at once. */
  addNode(node: Omit<HubNode, "slot">): HubNode {
    const slot = addNode(this.#state.pool, node.promise.capacity);
    const added = { ...node, slot };
    this.#nodes.set(slot.index, added);
    if (node.isBatchHost) this.#batchHost = added;
    this.place();
    // Without a node there was nothing to ask for.
    this.#options.events.changed();
    return added;
  }

  /** Says whether more nodes are on their way: as long as they are, nothing is too wide for this pilot. */
  expectNodes(mayGrow: boolean): void {
    if (this.#mayGrow === mayGrow) return;
    this.#mayGrow = mayGrow;
    if (!mayGrow) this.place();
  }

  /** Nothing more goes to a node whose link broke; what ran there is told by `nodeLost`. */
  nodeGone(node: HubNode): void {
    removeNode(this.#state.pool, node.slot);
    if (this.#batchHost === node) this.#batchHost = null;
  }

  /** Says that nothing of a node's tasks runs any more. */
  nodeLost(node: HubNode, why: string): void {
    this.nodeGone(node);
    this.#nodes.delete(node.slot.index);
    for (const running of [...this.#running.values()]) {
      if (!running.nodes.includes(node)) continue;
      running.lostWith ??= why;
      if (running.nodes.length === 1) this.#leave(running, null);
      else if (this.#clearing.has(running)) this.#clearing.nodeLost(running, node);
      else if (running.node === node) this.#clearing.begin(running, null);
      else this.#end([running], "released", 0);
    }
    this.place();
    this.#options.events.changed();
  }

  /** Takes tasks in and starts what fits. A task it holds already is left as it is. */
  admit(tasks: readonly HubTask[]): void {
    const since = this.#options.clock.elapsed();
    for (const task of tasks) {
      if (this.holds(task.id)) continue;
      const { id, priority, isWide: wide } = task;
      addWaiting(this.#state.waiting, { id, priority, wide, since, shape: shapeOf(task.resources), payload: task });
    }
    this.place();
  }

  /** Starts what fits now. */
  place(): void {
    if (this.#isPaused || !this.#options.events.mayStart()) return;
    const { clock, events, endsAt, patienceMs = 2000 } = this.#options;
    const launched: Launched[] = [];
    for (let again = true; again; ) {
      const round = placeTasks(this.#state, { endsAt, patienceMs, mayGrow: this.#mayGrow }, clock.elapsed());
      for (const { task, why } of round.handedBack) events.handedBack(task.payload, why);
      // One that could not be made has left its place again.
      again = round.placed.filter((placed) => !this.#launch(placed, launched)).length > 0;
    }
    for (const { running, before } of this.#lines.extend()) this.#make(running, before, launched);
    this.#send(launched);
  }

  /** What a node says. */
  receive(node: HubNode, message: Exclude<NodeMessage, { type: "hello" | "note" }>): void {
    if (message.type === "started") {
      for (const start of message.tasks) {
        const running = this.#running.get(start.task);
        if (running?.node !== node) continue;
        running.startedAt = start.at;
        this.#options.events.started(running.task, { at: start.at, places: running.places });
      }
    } else if (message.type === "ended") {
      const ended: { running: Running; end: TaskEnd }[] = [];
      for (const end of message.tasks) {
        const running = this.#running.get(end.task);
        if (running?.node !== node) continue;
        if (running.nodes.length > 1) {
          if (!this.#clearing.has(running)) this.#clearing.begin(running, end);
          continue;
        }
        this.#free(running);
        if (running.isRecalled && running.asked === null && end.startedAt === null) this.#comeBack(running);
        else ended.push({ running, end });
      }
      this.place();
      for (const { running, end } of ended) this.#tell(running, outcomeOf(running, end), end);
      this.#options.events.changed();
    } else if (message.type === "cleared") {
      this.#clearing.cleared(node, message.tasks);
      this.place();
      this.#options.events.changed();
    }
  }

  /** Whether a task waits or runs here. */
  holds(id: number): boolean {
    return this.#state.waiting.byId.has(id) || this.#runningById.has(id);
  }

  /** Every task that waits or runs here. */
  heldIds(): number[] {
    return [...this.#state.waiting.byId.keys(), ...this.#runningById.keys()];
  }

  /** The attempt of a task that runs here, or undefined. */
  runningAttempt(id: number): number | undefined {
    return this.#runningById.get(id)?.task.attempt;
  }

  /** Takes a waiting task out of the queue. */
  forget(id: number): HubTask | undefined {
    return removeWaiting(this.#state.waiting, id)?.payload;
  }

  /** Takes up to this many tasks that have not started out of the queue, those whose turn is last first. */
  giveUp(count: number): HubTask[] {
    const given = lastWaiting(this.#state.waiting, count);
    for (const { id } of given) removeWaiting(this.#state.waiting, id);
    return given.map(({ payload }) => payload);
  }

  /** Ends a running task; false where it does not run. */
  end(id: number, reason: EndReason, graceSec: number): boolean {
    const running = this.#runningById.get(id);
    if (running) this.#end([running], reason, graceSec);
    return running !== undefined;
  }

  /** Ends everything that runs. */
  endAll(reason: EndReason, graceSec: number): void {
    // The last to come first: none behind another may take its place meanwhile.
    this.#end([...this.#running.values()].reverse(), reason, graceSec);
  }

  /** Starts nothing more until `resume`. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.place();
  }

  get runningTasks(): number {
    return this.#running.size;
  }

  get waitingTasks(): number {
    return this.#state.waiting.byId.size;
  }

  room(): HubRoom {
    return roomOf(this.#state, this.#running.size, this.#options.clock.elapsed());
  }

  /** Gives a placed task its place and makes what its node is told; false where that cannot be made. */
  #launch({ task, shares: placed }: Placed<HubTask>, launched: Launched[]): boolean {
    const shares = placed.length === 1 ? placed : this.#inOrder(placed);
    const computing = shares.flatMap((share) => this.#nodes.get(share.node.index) ?? []);
    const [first] = computing;
    if (!first) return true;
    const places = shares.map((share, index) => placeOf(share, computing[index] ?? first));
    const node = task.payload.startsOn === "batch-host" ? (this.#batchHost ?? first) : first;
    const nodes = computing.includes(node) ? computing : [node, ...computing];
    const running = atPlace(task, { shares, places, node, nodes, since: this.#options.clock.elapsed() });
    return this.#make(running, null, launched);
  }

  /** Ranks follow the order of the allocation: neighbours there are neighbours on the network. */
  #inOrder(shares: readonly Share[]): Share[] {
    const position = ({ node: { index } }: Share): number => this.#nodes.get(index)?.position ?? index;
    return [...shares].sort((a, b) => position(a) - position(b));
  }

  #make(running: Running, before: string | null, launched: Launched[]): boolean {
    this.#running.set(running.name, running);
    this.#runningById.set(running.task.id, running);
    try {
      const spec = running.task.makeSpec(running.places);
      launched.push({ running, spec: before === null ? spec : { ...spec, after: before } });
      if (before === null) this.#lines.began(running);
      return true;
    } catch (error) {
      this.#free(running);
      this.#options.events.ended(running.task, { kind: "refused", why: messageOf(error) }, 0);
      return false;
    }
  }

  #send(launched: readonly Launched[]): void {
    if (launched.length === 0) return;
    this.#options.events.starting(launched.map(({ running }) => running.task));
    const byNode = new Map<HubNode, TaskSpec[]>();
    const shared = new Map<HubNode, SharedTask[]>();
    for (const { running, spec } of launched) {
      pushTo(byNode, running.node, spec);
      if (running.nodes.length > 1)
        for (const node of running.nodes)
          if (node !== running.node) pushTo(shared, node, { task: running.name, agent: running.node.agent });
    }
    for (const [node, begin] of shared) node.send({ type: "share", begin, end: [] });
    for (const [node, tasks] of byNode) node.send({ type: "start", tasks });
  }

  #end(tasks: readonly Running[], reason: EndReason, graceSec: number): void {
    for (const running of tasks) {
      if (running.asked === reason || this.#clearing.has(running)) continue;
      running.asked ??= reason;
      running.node.send({ type: "end", tasks: [{ task: running.name, graceSec, reason: running.asked }] });
    }
  }

  #recall(tasks: readonly Running[]): void {
    for (const running of tasks) {
      running.isRecalled = true;
      const request = { task: running.name, graceSec: 0, reason: "released", onlyWaiting: true } as const;
      running.node.send({ type: "end", tasks: [request] });
    }
  }

  #comeBack({ task, entry }: Running): void {
    this.#options.events.recalled(task);
    addWaiting(this.#state.waiting, entry);
  }

  /** One node of a task has nothing of it any more. */
  #clear(running: Running, node: HubNode): void {
    for (const share of running.shares) if (share.node === node.slot) releaseShare(this.#state.pool, share);
  }

  #drain(node: HubNode, why: string): void {
    if (!node.slot.isUp) return;
    this.nodeGone(node);
    this.#options.onDrained?.(node.hostname, why);
  }

  #leave(running: Running, end: TaskEnd | null): void {
    this.#free(running);
    this.#tell(running, outcomeOf(running, end), end);
  }

  /** Takes a task off its node; its place goes to the next in its line, or is free. */
  #free(running: Running): void {
    this.#running.delete(running.name);
    this.#runningById.delete(running.task.id);
    const { line, shares } = running;
    const at = line.indexOf(running);
    line.splice(at, 1);
    const [next] = line;
    if (at === 0 && next) {
      const { wallMs } = next.entry.shape;
      next.since = this.#options.clock.elapsed();
      const endsAt = wallMs === null ? null : next.since + wallMs;
      next.shares = shares.map((share) => passShare(share, { task: next.task.id, endsAt }));
    } else for (const share of shares) releaseShare(this.#state.pool, share);
    this.#lines.left(running, at === 0 ? next : undefined);
  }

  #tell(running: Running, outcome: TaskOutcome, end: TaskEnd | null): void {
    // The node's own times: of a task in a line the hub does not know when it got its place.
    const heldMs =
      end?.startedAt == null ? this.#options.clock.elapsed() - running.since : Math.max(0.5, end.at - end.startedAt);
    this.#lines.ended(heldMs);
    this.#options.events.ended(running.task, outcome, heldMs);
  }
}

interface Launched {
  readonly running: Running;
  readonly spec: TaskSpec;
}

function placeOf(share: Share, { hostname, promise }: HubNode): TaskPlace {
  return {
    hostname,
    cores: promise.cores && share.cores.map((core) => promise.cores?.[core] ?? core),
    gpus: share.gpus.flatMap(({ device }) => promise.gpus[device] ?? []),
  };
}

function outcomeOf({ lostWith, asked, startedAt }: Running, end: TaskEnd | null): TaskOutcome {
  return end !== null && lostWith === null
    ? { kind: "ended", end, asked }
    : { kind: "lost", startedAt, why: lostWith ?? "its node is gone" };
}

function pushTo<Key, Entry>(lists: Map<Key, Entry[]>, key: Key, entry: Entry): void {
  const list = lists.get(key);
  if (list) list.push(entry);
  else lists.set(key, [entry]);
}
