/**
 * The ends of tasks over several nodes. The end of the process that started the ranks says nothing about the other nodes: their
 * places are free when each of them has said that nothing of the task is left there, and the task's end is told when the
 * last one has. A node where something cannot be ended gets nothing more.
 */
import type { HubMessage, TaskCleared, TaskEnd } from "../link/messages.ts";
import type { HubNode } from "./hub.ts";
import type { Running } from "./running.ts";

export interface ClearingOptions {
  /** False for a node of which it is known that nothing runs there any more. */
  readonly mayRun: (node: HubNode) => boolean;
  /** Nothing of the task is left on this node. */
  readonly onClear: (running: Running, node: HubNode) => void;
  /** Processes of it cannot be ended there. */
  readonly onStuck: (node: HubNode, why: string) => void;
  /** Nothing is left anywhere; without an end where the node that would have told it is gone. */
  readonly onDone: (running: Running, end: TaskEnd | null) => void;
}

export class Clearing {
  readonly #options: ClearingOptions;
  readonly #tasks = new Map<string, { running: Running; end: TaskEnd | null; left: Set<HubNode> }>();

  constructor(options: ClearingOptions) {
    this.#options = options;
  }

  has(running: Running): boolean {
    return this.#tasks.has(running.name);
  }

  /** Asks all nodes of a task that has ended. */
  begin(running: Running, end: TaskEnd | null): void {
    const { name: task, nodes, node, asked, lostWith } = running;
    const left = new Set(nodes.filter(this.#options.mayRun));
    this.#tasks.set(task, { running, end, left });
    const isForced = asked !== null || lostWith !== null || end === null;
    const message: HubMessage = { type: "share", begin: [], end: [{ task, agent: node.agent, isForced }] };
    for (const other of left) other.send(message);
    if (left.size === 0) this.#finish(task);
  }

  /** What a node answered. */
  cleared(node: HubNode, tasks: readonly TaskCleared[]): void {
    for (const { task, left } of tasks) {
      if (!this.#tasks.get(task)?.left.has(node)) continue;
      if (left.length > 0) this.#options.onStuck(node, `processes ${left.join(", ")} of task ${task} cannot be ended`);
      this.#confirm(task, node);
    }
  }

  /** Nothing runs on a node any more. */
  nodeLost(running: Running, node: HubNode): void {
    this.#confirm(running.name, node);
  }

  #confirm(task: string, node: HubNode): void {
    const clearing = this.#tasks.get(task);
    if (!clearing?.left.delete(node)) return;
    this.#options.onClear(clearing.running, node);
    if (clearing.left.size === 0) this.#finish(task);
  }

  #finish(task: string): void {
    const clearing = this.#tasks.get(task);
    this.#tasks.delete(task);
    if (clearing) this.#options.onDone(clearing.running, clearing.end);
  }
}
