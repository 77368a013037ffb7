import { setImmediate as turn } from "node:timers/promises";

/** A clock that stands still until it is moved; satisfies the pilot's `Clock`. */
export class FakeClock {
  #elapsed = 0;
  #timers: { at: number; callback: () => void }[] = [];
  readonly startedAt: number;

  constructor(startedAt = 1_700_000_000_000) {
    this.startedAt = startedAt;
  }

  now(): number {
    return this.startedAt + this.#elapsed;
  }

  elapsed(): number {
    return this.#elapsed;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#elapsed + Math.max(0, ms), callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves on as for a process that was stopped: what fell due comes late, all at once, with the next `advance`. */
  skip(ms: number): void {
    this.#elapsed += ms;
  }

  /** Moves on, running what falls due in order; what is asynchronous gets its turn before the next timer. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    await settle();
    for (let timer = this.#next(until); timer; timer = this.#next(until)) {
      const { at, callback } = timer;
      this.#timers = this.#timers.filter((other) => other !== timer);
      this.#elapsed = Math.max(this.#elapsed, at);
      callback();
      await settle();
    }
    this.#elapsed = until;
  }

  #next(until: number): { at: number; callback: () => void } | undefined {
    return this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
  }
}

/** Lets everything that is ready happen. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns += 1) await turn();
}
