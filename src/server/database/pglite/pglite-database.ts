/**
 * The embedded database: PGlite in a thread, on a directory that this process holds the lock of.
 *
 * The engine can stop under way: PostgreSQL panics when the disk under its log is full or an fsync fails. Statements that
 * were sent are then rejected, those that wait go on waiting, and a new thread opens the directory again and recovers
 * from the log. When that fails too, those that wait are rejected, and the next statement tries once more, so that the
 * database works again as soon as there is space. Only a database that keeps stopping for other reasons is given up.
 */
import { join } from "node:path";
import { ConiferError } from "../../../model/errors.ts";
import type { Database, QueryResult, Transaction } from "../database.ts";
import { Listeners } from "../listeners.ts";
import type { DirectoryLock } from "../lock/directory-lock.ts";
import { StatementNames } from "../statement-names.ts";
import { retryConflicts, runTransaction, type Session, TransactionScope } from "../transaction.ts";
import { UserTypes } from "../values/columns.ts";
import { Admission } from "./admission.ts";
import { Connection, type ConnectionContext } from "./connection.ts";
import { maintainTables } from "./maintain.ts";
import { EngineThread, ThreadStopped } from "./thread.ts";
import type { ThreadSettings } from "./thread-messages.ts";

/** How soon after a failed attempt the next one may be made. */
const REOPEN_PAUSE_MS = 500;
/** This many stops within the window, none of them for want of space, and the database is given up. */
const MOST_STOPS = 5;
const STOP_WINDOW_MS = 60_000;

/** What `PgliteDatabase.open` is given. */
export type PgliteSettings = {
  readonly directory: string;
  readonly lock: DirectoryLock;
  /** False for databases that need not survive a power cut, such as those of tests. */
  readonly durable: boolean;
};

/** See the header of this file. */
export class PgliteDatabase implements Database {
  readonly engine = "pglite";
  readonly place: string;
  readonly failed: Promise<ConiferError>;
  readonly #settings: ThreadSettings;
  readonly #lock: DirectoryLock;
  readonly #admission = new Admission();
  readonly #scope = new TransactionScope();
  readonly #listeners = new Listeners();
  readonly #context: ConnectionContext;
  readonly #stops: number[] = [];
  #announceFailed: (reason: ConiferError) => void = () => {};
  #connection: Connection | undefined;
  #reopening: Promise<void> | undefined;
  #lastFailure: { readonly at: number; readonly error: ConiferError } | undefined;
  #givenUp: ConiferError | undefined;
  #closing: Promise<void> | undefined;

  private constructor({ directory, lock, durable }: PgliteSettings) {
    this.place = directory;
    this.#lock = lock;
    this.#settings = { cluster: join(directory, "cluster"), durable };
    this.failed = new Promise((resolve) => {
      this.#announceFailed = resolve;
    });
    this.#context = {
      place: directory,
      types: new UserTypes(),
      names: new StatementNames(),
      onNotification: (channel, payload) => this.#listeners.tell(channel, payload),
    };
  }

  /** Opens the directory, whose lock the caller took and hands over; makes the cluster when there is none. */
  static async open(settings: PgliteSettings): Promise<PgliteDatabase> {
    const database = new PgliteDatabase(settings);
    try {
      await database.#start();
      return database;
    } catch (error) {
      await settings.lock.release();
      throw error;
    }
  }

  async query<Row>(sql: string, params: readonly unknown[] = []): Promise<QueryResult<Row>> {
    this.#scope.refuseInside();
    return this.#enter((connection) => connection.query<Row>(sql, params));
  }

  async exec(sql: string): Promise<void> {
    this.#scope.refuseInside();
    await this.#enter((connection) => connection.changeSchema(sql));
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.#scope.refuseInside();
    return retryConflicts(() => {
      this.#expectOpen();
      const outcome = this.#admission.hold(async () => {
        return runTransaction(this.#session(this.#up()), work, { scope: this.#scope, place: this.place });
      });
      this.#reopenIfDown();
      return outcome;
    });
  }

  async listen(channel: string, onPayload: (payload: string) => void): Promise<AsyncDisposable> {
    return this.#listeners.add(channel, onPayload, async (command) => {
      await this.#enter((connection) => connection.script(command));
    });
  }

  async notify(channel: string, payload: string): Promise<void> {
    await this.query("SELECT pg_notify($1, $2)", [channel, payload]);
  }

  async maintain(): Promise<void> {
    await maintainTables(this, async (command) => {
      await this.#enter((connection) => connection.script(command));
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#reopening;
    if (this.#connection === undefined) this.#admission.cancelAll(this.#closedError());
    else {
      // Should the engine stop before its turn comes, there is nothing left to close.
      const closed = this.#admission.hold(async () => this.#connection?.thread.close());
      await closed.catch(() => {});
    }
    await this.#lock.release();
  }

  #session(connection: Connection): Session {
    return {
      query: (sql, params = []) => this.#translate(connection.query(sql, params)),
      exec: (sql) => this.#translate(connection.changeSchema(sql)),
      command: (sql) => this.#translate(connection.script(sql)),
      // It fails only together with the engine, and the transaction with it.
      rollBack: () => connection.script("ROLLBACK").then(noop, noop),
    };
  }

  /** Waits for its turn and runs a single statement. */
  #enter<T>(run: (connection: Connection) => Promise<T>): Promise<T> {
    this.#expectOpen();
    const outcome = this.#admission.enter(async () => this.#translate(run(this.#up())));
    this.#reopenIfDown();
    return outcome;
  }

  /** Turns the end of the thread into an error of the table. */
  async #translate<T>(outcome: Promise<T>): Promise<T> {
    try {
      return await outcome;
    } catch (error) {
      throw error instanceof ThreadStopped ? this.#stopError(error) : error;
    }
  }

  #up(): Connection {
    if (this.#connection === undefined) throw new ThreadStopped("the engine is down");
    return this.#connection;
  }

  async #start(): Promise<void> {
    const thread = await EngineThread.start(this.#settings).catch((error: unknown) => {
      throw error instanceof ThreadStopped ? this.#stopError(error) : error;
    });
    const connection = new Connection(thread, this.#context);
    this.#connection = connection;
    void thread.stopped.then((reason) => this.#onStop(reason));
    for (const channel of this.#listeners.channels) await connection.script(`LISTEN ${channel}`);
    this.#admission.open();
    this.#listeners.tellAll();
  }

  #onStop(reason: ThreadStopped | undefined): void {
    this.#admission.close();
    this.#connection = undefined;
    if (this.#closing !== undefined) this.#admission.cancelAll(this.#closedError());
    if (reason === undefined || this.#closing !== undefined) return;
    const error = this.#stopError(reason);
    const now = Date.now();
    if (error.code !== "DATABASE_DISK_FULL") this.#stops.push(now);
    while ((this.#stops[0] ?? now) < now - STOP_WINDOW_MS) this.#stops.shift();
    if (this.#stops.length >= MOST_STOPS) this.#giveUp(error);
    else this.#reopenIfDown();
  }

  #reopenIfDown(): void {
    if (this.#connection !== undefined || this.#reopening !== undefined || this.#closing !== undefined) return;
    const last = this.#lastFailure;
    if (last !== undefined && Date.now() - last.at < REOPEN_PAUSE_MS) {
      this.#admission.cancelAll(last.error);
      return;
    }
    this.#reopening = this.#reopen().finally(() => {
      this.#reopening = undefined;
    });
  }

  async #reopen(): Promise<void> {
    try {
      await this.#start();
    } catch (cause) {
      const error =
        cause instanceof ConiferError
          ? cause
          : new ConiferError("DATABASE_FAILED", { problem: String(cause) }, { cause });
      this.#lastFailure = { at: Date.now(), error };
      if (error.code !== "DATABASE_DISK_FULL") this.#stops.push(Date.now());
      if (this.#stops.length >= MOST_STOPS) this.#giveUp(error);
      else this.#admission.cancelAll(error);
    }
  }

  #giveUp(reason: ConiferError): void {
    this.#givenUp = reason;
    this.#admission.cancelAll(reason);
    this.#announceFailed(reason);
  }

  #expectOpen(): void {
    if (this.#givenUp !== undefined) throw this.#givenUp;
    if (this.#closing !== undefined) throw this.#closedError();
  }

  #closedError(): ConiferError {
    return new ConiferError("DATABASE_UNREACHABLE", { place: this.place, problem: "it is closed" });
  }

  #stopError(reason: ThreadStopped): ConiferError {
    const isFull = /No space left on device|Disk quota exceeded|ENOSPC|EDQUOT/i.test(reason.message);
    const values = { place: this.place, directory: this.place, problem: `the engine stopped: ${reason.message}` };
    return new ConiferError(isFull ? "DATABASE_DISK_FULL" : "DATABASE_UNREACHABLE", values, { cause: reason });
  }
}

function noop(): void {}
