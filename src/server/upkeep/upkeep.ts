import type { Services } from "../http/context.ts";
import { type Clocks, Sweeper } from "../sessions/index.ts";
import { clearDeleted } from "./clear-deleted.ts";
import { foldTally } from "./fold-tally.ts";
import { forgetAnswers } from "./forget-answers.ts";

/** How often, milliseconds, while anything changes at all. */
const FOLD_MS = 5_000;
/** The embedded database cleans up in steps, and the oftener, the shorter each one holds up everybody. */
const MAINTAIN_MS = 3_000;
const FORGET_MS = 3_600_000;
const CLEAR_MS = 10_000;
/** Chores go on this long after the last change, and then come up only now and then: an idle server is to cost nothing. */
const ACTIVE_MS = 60_000;
const QUIET_MS = 600_000;

/** Something else to do from time to time. */
export type Chore = {
  readonly everyMs: number;
  readonly what: string;
  /** Also while nothing changes. Default false. */
  readonly always?: boolean;
  work(): Promise<unknown>;
};

/**
 * What a server does besides answering: it ends sessions whose lease ran out, folds the tally, clears away what was deleted,
 * forgets old idempotency keys and lets the database clean up. A chore that fails is tried again at its next turn, and never stops the others.
 */
export class Upkeep implements AsyncDisposable {
  readonly #services: Services;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #listening: (() => void)[] = [];
  readonly #working = new Set<Promise<void>>();
  readonly #over = new AbortController();

  constructor(services: Services) {
    this.#services = services;
  }

  /** Grants every session that lives a full lease, and begins. */
  static async start(services: Services, clocks: Clocks, chores: readonly Chore[] = []): Promise<Upkeep> {
    const upkeep = new Upkeep(services);
    const sweeper = new Sweeper(services, clocks);
    await sweeper.sweep();
    const over = upkeep.#over.signal;
    const all: Chore[] = [
      { everyMs: sweeper.everyMs, what: "sweep sessions", always: true, work: () => sweeper.sweep() },
      { everyMs: FOLD_MS, what: "fold the tally", work: () => foldTally(services.db) },
      { everyMs: MAINTAIN_MS, what: "maintain the database", work: () => services.db.maintain() },
      {
        everyMs: FORGET_MS,
        what: "forget old keys",
        always: true,
        work: () => forgetAnswers(services.db, services.clock.now()),
      },
      { everyMs: CLEAR_MS, what: "clear deleted rows", work: () => clearDeleted(services, over) },
      ...chores,
    ];
    for (const chore of all) upkeep.#begin(chore);
    return upkeep;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    for (const timer of this.#timers) clearInterval(timer);
    for (const stopListening of this.#listening) stopListening();
    await Promise.all(this.#working);
  }

  #begin({ everyMs, what, always = false, work }: Chore): void {
    let isAtIt = false;
    let changed = performance.now();
    let last = Number.NEGATIVE_INFINITY;
    this.#listening.push(
      this.#services.changes.listen(() => {
        changed = performance.now();
      }),
    );
    const timer = setInterval(() => {
      const now = performance.now();
      if (isAtIt || !(always || now - changed < ACTIVE_MS || now - last > QUIET_MS)) return;
      isAtIt = true;
      last = now;
      const done = work()
        .then(() => {})
        .catch((error: unknown) => this.#services.log.warn({ err: error }, `could not ${what}`))
        .finally(() => {
          isAtIt = false;
          this.#working.delete(done);
        });
      this.#working.add(done);
    }, everyMs);
    this.#timers.push(timer.unref());
  }
}
