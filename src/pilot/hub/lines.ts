/**
 * Lines of short tasks. A task of a few milliseconds is over before the hub hears of it and has sent the next one: at two
 * cores that way takes a third of the time. So where tasks are short and alike, a few are sent ahead to come after a running one in its
 * place. That binds them to this place: when the task in front turns out long, those behind it are taken back, as they
 * are when it is not their turn any more.
 */
import type { Clock } from "./clock.ts";
import type { PlacementState } from "./place/place-tasks.ts";
import { headOf, removeWaiting, type WaitingTask } from "./place/waiting.ts";
import { behind, type Running } from "./running.ts";
import type { HubTask } from "./task.ts";

/** Tasks that last longer need nobody behind them. */
const shortMs = 100;
/** What a line should last, and how many it has at most behind its first. */
const aheadMs = 10;
const mostBehind = 8;
/** Ended tasks to judge by, and how many count. */
const leastEnded = 8;
const memory = 64;
const lookEveryMs = 25;

export interface LinesOptions {
  readonly clock: Clock;
  readonly state: PlacementState<HubTask>;
  /** Whether a task may wait longer than it would in the queue: not where it must end by some time. */
  readonly hasEnd: boolean;
  /** Takes these back from their node unless they have begun. */
  readonly recall: (tasks: readonly Running[]) => void;
}

export class Lines {
  readonly #options: LinesOptions;
  /** First tasks with room behind them. */
  readonly #open = new Set<Running>();
  /** First tasks with others behind them. */
  readonly #followed = new Set<Running>();
  #meanMs = 0;
  #ended = 0;
  #isLooking = false;

  constructor(options: LinesOptions) {
    this.#options = options;
  }

  /** A task has a place of its own now. */
  began(first: Running): void {
    this.#open.add(first);
  }

  /** A task has left its line; the next one, if it was the first, is first now. */
  left(running: Running, next: Running | undefined): void {
    this.#open.delete(running);
    this.#followed.delete(running);
    const [first] = running.line;
    if (first) this.#open.add(first);
    if (next && next.line.length > 1) this.#followed.add(next);
  }

  /** How long a task had its place. */
  ended(heldMs: number): void {
    this.#ended += 1;
    this.#meanMs += (heldMs - this.#meanMs) / Math.min(this.#ended, memory);
  }

  /** Takes tasks whose turn is next out of the queue and puts them behind running ones; each with the name it comes after. */
  extend(): { readonly running: Running; readonly before: string }[] {
    const { state, clock } = this.#options;
    const most = this.#depth();
    const added: { running: Running; before: string }[] = [];
    for (let hasAdded = most > 0; hasAdded; ) {
      hasAdded = false;
      for (const first of this.#open) {
        const task = this.#next();
        if (!task) return added;
        if (first.line.length > most || this.#isSlow(first) || !isAlike(first, task)) {
          this.#open.delete(first);
          continue;
        }
        removeWaiting(state.waiting, task.id);
        added.push(behind(first, task, clock.elapsed()));
        this.#followed.add(first);
        hasAdded = true;
      }
    }
    if (added.length > 0) this.#look();
    return added;
  }

  /** The task whose turn is next, where all that wait are alike and nodes are held for none. */
  #next(): WaitingTask<HubTask> | undefined {
    const { waiting, reservation } = this.#options.state;
    if (reservation !== null || waiting.groups.size !== 1) return undefined;
    const [group] = waiting.groups.values();
    if (!group || group.shape.nodes > 1 || (this.#options.hasEnd && group.shape.wallMs !== null)) return undefined;
    return headOf(group);
  }

  #depth(): number {
    if (this.#ended < leastEnded || this.#meanMs > shortMs) return 0;
    return Math.min(mostBehind, Math.max(1, Math.ceil(aheadMs / this.#meanMs)));
  }

  #look(): void {
    if (this.#isLooking || this.#followed.size === 0) return;
    this.#isLooking = true;
    this.#options.clock.after(lookEveryMs, () => {
      this.#isLooking = false;
      this.#recallStuck();
      this.#look();
    });
  }

  #isSlow({ since }: Running): boolean {
    return this.#options.clock.elapsed() - since > Math.max(lookEveryMs, 4 * this.#meanMs);
  }

  #recallStuck(): void {
    const stuck = [...this.#followed].filter((first) => this.#isSlow(first));
    for (const first of stuck) {
      this.#followed.delete(first);
      this.#open.delete(first);
    }
    const tasks = stuck.flatMap(({ line }) => line.slice(1).filter(({ isRecalled, asked }) => !isRecalled && !asked));
    if (tasks.length > 0) this.#options.recall(tasks);
  }
}

function isAlike({ entry, asked, lostWith, shares }: Running, task: WaitingTask<HubTask>): boolean {
  return entry.shape.key === task.shape.key && asked === null && lostWith === null && shares[0]?.node.isUp === true;
}
