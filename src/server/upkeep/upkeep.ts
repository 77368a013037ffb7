import type { Services } from "../http/context.ts";
import { type Clocks, Sweeper } from "../sessions/index.ts";
import { clearDeleted } from "./clear-deleted.ts";
import { foldTally } from "./fold-tally.ts";

/** How often, milliseconds. Each chore is a statement or two that finds nothing to do on an idle server. */
const FOLD_MS = 5_000;
/** The embedded database cleans up in steps, and the oftener, the shorter each one holds up everybody. */
const MAINTAIN_MS = 3_000;
const FORGET_MS = 3_600_000;
const CLEAR_MS = 10_000;
/** How long a replay of a request gets its first answer. */
const KEEP_ANSWERS_MS = 7 * 86_400_000;

/** Something else to do from time to time. */
export type Chore = { readonly everyMs: number; readonly what: string; work(): Promise<unknown> };

/**
 * What a server does besides answering: it ends sessions whose lease ran out, folds the tally, clears away what was deleted,
 * forgets old idempotency keys and lets the database clean up. A chore that fails is tried again at its next turn, and never stops the others.
 */
export class Upkeep implements AsyncDisposable {
  readonly #services: Services;
  readonly #timers: NodeJS.Timeout[] = [];
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
    upkeep.#every(sweeper.everyMs, "sweep sessions", () => sweeper.sweep());
    upkeep.#every(FOLD_MS, "fold the tally", () => foldTally(services.db));
    upkeep.#every(MAINTAIN_MS, "maintain the database", () => services.db.maintain());
    upkeep.#every(FORGET_MS, "forget old keys", () => forgetAnswers(services));
    upkeep.#every(CLEAR_MS, "clear deleted rows", () => clearDeleted(services, upkeep.#over.signal));
    for (const { everyMs, what, work } of chores) upkeep.#every(everyMs, what, work);
    return upkeep;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.#working);
  }

  #every(ms: number, what: string, chore: () => Promise<unknown>): void {
    let isAtIt = false;
    const timer = setInterval(() => {
      if (isAtIt) return;
      isAtIt = true;
      const work = chore()
        .then(() => {})
        .catch((error: unknown) => this.#services.log.warn({ err: error }, `could not ${what}`))
        .finally(() => {
          isAtIt = false;
          this.#working.delete(work);
        });
      this.#working.add(work);
    }, ms);
    this.#timers.push(timer.unref());
  }
}

async function forgetAnswers({ db, clock }: Services): Promise<void> {
  await db.query("DELETE FROM idempotency WHERE created < $1", [new Date(clock.now() - KEEP_ANSWERS_MS)]);
}
