import type { Clock } from "../../src/pilot/hub/clock.ts";

interface Event {
  readonly at: number;
  readonly order: number;
  callback: (() => void) | null;
}

/** A clock that goes from event to event; milliseconds. */
export class EventClock implements Clock {
  #elapsed = 0;
  #order = 0;
  /** A binary heap by time, then by order. */
  readonly #heap: Event[] = [];

  now(): number {
    return 1_700_000_000_000 + this.#elapsed;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  after(ms: number, callback: () => void): () => void {
    return this.at(this.#elapsed + Math.max(0, ms), callback);
  }

  at(time: number, callback: () => void): () => void {
    const event: Event = { at: Math.max(time, this.#elapsed), order: this.#order++, callback };
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (!parent || isBefore(parent, event)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = event;
    return () => {
      event.callback = null;
    };
  }

  /** Goes to the next event and lets it happen; false where there is none. */
  step(): boolean {
    const event = this.#take();
    if (!event) return false;
    this.#elapsed = Math.max(this.#elapsed, event.at);
    event.callback?.();
    return true;
  }

  #take(): Event | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const [a, b] = [heap[left], heap[right]];
      const least = a && b && isBefore(b, a) ? right : left;
      const child = heap[least];
      if (!child || isBefore(last, child)) break;
      heap[at] = child;
      at = least;
    }
    heap[at] = last;
    return first;
  }
}

const isBefore = (a: Event, b: Event): boolean => (a.at === b.at ? a.order < b.order : a.at < b.at);
