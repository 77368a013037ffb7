import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { ConiferError } from "../../model/errors.ts";
import { isTransactionConflict } from "./failures.ts";

const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 10;

/** Runs a transaction again after a serialization failure or deadlock, at most 5 times, with growing random pauses. */
export async function retryConflicts<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (tries === ATTEMPTS || !isTransactionConflict(error)) throw error;
      await sleep(FIRST_PAUSE_MS * 2 ** tries * Math.random());
    }
  }
}

/**
 * Knows which code runs inside a transaction's `work`. Using the database itself there would wait for the transaction
 * that waits for it (PGlite has one connection), or work outside of it unawares (PostgreSQL), so it is refused on both.
 */
export class TransactionScope {
  readonly #current = new AsyncLocalStorage<{ open: boolean }>();

  async run<T>(work: () => Promise<T>): Promise<T> {
    const scope = { open: true };
    try {
      return await this.#current.run(scope, work);
    } finally {
      // What the work left running may use the database again.
      scope.open = false;
    }
  }

  refuseInside(): void {
    if (this.#current.getStore()?.open !== true) return;
    throw new ConiferError("INTERNAL", { problem: "the database was used inside a transaction; use the transaction" });
  }
}
