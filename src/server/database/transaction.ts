/**
 * What both engines' transactions have in common. A transaction lives between BEGIN and COMMIT on one connection; when its
 * work throws, or does nothing with it for a minute, it is rolled back. What the work left running cannot touch it after.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { ConiferError } from "../../model/errors.ts";
import type { Queryable, Transaction } from "./database.ts";
import { failureFrom, isTransactionConflict } from "./failures.ts";

/** One connection, as a transaction uses it. Statements run in the order of the calls. */
export type Session = {
  readonly query: Queryable["query"];
  exec(sql: string): Promise<void>;
  /** Runs BEGIN or COMMIT and returns the command tag. */
  command(sql: "BEGIN" | "COMMIT"): Promise<string>;
  /** Ends the transaction, or the connection if that fails; never rejects. */
  rollBack(): Promise<void>;
};

/** How long a transaction may hold its connection without using it: on PGlite all others wait for it. */
const LONGEST_IDLE_MS = 60_000;

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

/** Runs `work` in a transaction of `session`. */
export async function runTransaction<T>(
  session: Session,
  work: (tx: Transaction) => Promise<T>,
  { scope, place, longestIdleMs = LONGEST_IDLE_MS }: { scope: TransactionScope; place: string; longestIdleMs?: number },
): Promise<T> {
  const idle = new IdleLimit(longestIdleMs);
  let isOver = false;
  const within = async <R>(run: () => Promise<R>): Promise<R> => {
    // What comes later would run outside the transaction.
    if (isOver) throw new ConiferError("INTERNAL", { problem: "the transaction is over" });
    return idle.suspend(run);
  };
  const tx: Transaction = {
    query: (sql, params = []) => within(() => session.query(sql, params)),
    exec: (sql) => within(() => session.exec(sql)),
  };
  const begun = session.command("BEGIN");
  try {
    const [result] = await Promise.all([Promise.race([scope.run(() => work(tx)), idle.exceeded]), begun]);
    isOver = true;
    // A COMMIT in a failed transaction is no error to PostgreSQL: it answers ROLLBACK.
    if ((await session.command("COMMIT")) === "ROLLBACK") {
      throw failureFrom({ sqlState: "25P02", message: "a statement of the transaction had failed" }, place);
    }
    return result;
  } catch (error) {
    isOver = true;
    await session.rollBack();
    throw error;
  } finally {
    idle.stop();
  }
}

/** Rejects `exceeded` when nothing ran for too long. */
class IdleLimit {
  readonly exceeded: Promise<never>;
  readonly #limitMs: number;
  #onExceeded: (error: ConiferError) => void = () => {};
  #running = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.exceeded = new Promise((_, reject) => {
      this.#onExceeded = reject;
    });
    this.exceeded.catch(() => {});
    this.#start();
  }

  /** The time that `run` takes does not count. */
  async suspend<R>(run: () => Promise<R>): Promise<R> {
    this.stop();
    this.#running += 1;
    try {
      return await run();
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#start();
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #start(): void {
    const problem = `a transaction did nothing for ${this.#limitMs / 1000} s and was rolled back`;
    this.#timer = setTimeout(() => this.#onExceeded(new ConiferError("DATABASE_FAILED", { problem })), this.#limitMs);
    this.#timer.unref();
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
