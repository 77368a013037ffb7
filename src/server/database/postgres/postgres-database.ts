/** PostgreSQL through a pool of connections. */
import { Pool, type PoolClient } from "pg";
import { ConiferError } from "../../../model/errors.ts";
import type { Database, QueryResult, Transaction } from "../database.ts";
import { withoutPassword } from "../options.ts";
import { StatementNames } from "../statement-names.ts";
import { retryConflicts, runTransaction, type Session, TransactionScope } from "../transaction.ts";
import { UserTypes } from "../values/columns.ts";
import { postgresFailure } from "./failures.ts";
import { PostgresListener } from "./listener.ts";
import { clientConfig, type PostgresAddress, START_SESSION } from "./session.ts";
import { isPlanOutdated, runScript, runStatement, type StatementContext } from "./statements.ts";

const DEFAULT_CONNECTIONS = 10;
const IDLE_MS = 60_000;

type PoolOptions = {
  readonly connections?: number;
  /** Called once everything is disconnected. */
  readonly onClosed?: () => Promise<void>;
  /** Resolves when the server is gone for good. Never by default: one that went away may come back. */
  readonly gone?: Promise<ConiferError>;
};

/** A database on a PostgreSQL server, which others may use at the same time. */
export class PostgresDatabase implements Database {
  readonly engine = "postgres";
  readonly place: string;
  readonly failed: Promise<ConiferError>;
  readonly #pool: Pool;
  readonly #listener: PostgresListener;
  readonly #scope = new TransactionScope();
  readonly #context: StatementContext;
  #closing: Promise<void> | undefined;

  readonly #onClosed: () => Promise<void>;

  private constructor(address: PostgresAddress, options: PoolOptions) {
    this.failed = options.gone ?? new Promise(() => {});
    this.#onClosed = options.onClosed ?? (async () => {});
    this.place = address.place;
    this.#context = { place: address.place, types: new UserTypes(), names: new StatementNames() };
    this.#listener = new PostgresListener(address);
    this.#pool = new Pool({
      ...clientConfig(address),
      max: options.connections ?? DEFAULT_CONNECTIONS,
      idleTimeoutMillis: IDLE_MS,
      allowExitOnIdle: true,
      onConnect: (client) => client.query(START_SESSION),
    });
    // An idle connection that breaks has left the pool already; the next statement takes another one.
    this.#pool.on("error", () => {});
  }

  /** Connects to the server at a URL. Throws DATABASE_UNREACHABLE when it does not answer or refuses. */
  static async open({ url, ...options }: { url: string } & PoolOptions): Promise<PostgresDatabase> {
    return PostgresDatabase.connect({ config: { connectionString: url }, place: withoutPassword(url) }, options);
  }

  /** Connects by the driver's own settings. */
  static async connect(address: PostgresAddress, options: PoolOptions = {}): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(address, options);
    try {
      await database.query("SELECT 1");
      return database;
    } catch (error) {
      await database.#disconnect();
      throw error;
    }
  }

  async query<Row>(sql: string, params: readonly unknown[] = []): Promise<QueryResult<Row>> {
    this.#scope.refuseInside();
    try {
      return await this.#withClient((client) => runStatement<Row>(client, { sql, params }, this.#context));
    } catch (error) {
      if (!isPlanOutdated(error)) throw error;
      const unnamed = { ...this.#context, names: { nameFor: () => undefined } };
      return this.#withClient((client) => runStatement<Row>(client, { sql, params }, unnamed));
    }
  }

  async exec(sql: string): Promise<void> {
    this.#scope.refuseInside();
    await this.#withClient((client) => runScript(client, sql, this.#context));
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    this.#scope.refuseInside();
    const surroundings = { scope: this.#scope, place: this.place };
    return retryConflicts(() =>
      this.#withClient((client) => runTransaction(this.#session(client), work, surroundings)),
    );
  }

  listen(channel: string, onPayload: (payload: string) => void): Promise<AsyncDisposable> {
    return this.#listener.listen(channel, onPayload);
  }

  async notify(channel: string, payload: string): Promise<void> {
    await this.query("SELECT pg_notify($1, $2)", [channel, payload]);
  }

  async maintain(): Promise<void> {}

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#disconnect().then(this.#onClosed);
    return this.#closing;
  }

  async #disconnect(): Promise<void> {
    await Promise.all([this.#listener[Symbol.asyncDispose](), this.#pool.end()]);
  }

  /** Lends a connection; one that fails otherwise than by an answer of the server is not used again. */
  async #withClient<T>(run: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw postgresFailure(error, this.place);
    });
    let isBroken = false;
    // A connection may break between two statements of a transaction; the next one then fails.
    const onError = (): void => {
      isBroken = true;
    };
    client.on("error", onError);
    try {
      return await run(client);
    } catch (error) {
      if (error instanceof ConiferError && error.code === "DATABASE_UNREACHABLE") isBroken = true;
      throw error;
    } finally {
      client.off("error", onError);
      client.release(isBroken);
    }
  }

  #session(client: PoolClient): Session {
    const context = this.#context;
    return {
      query: (sql, params = []) => runStatement(client, { sql, params }, context),
      exec: async (sql) => void (await runScript(client, sql, context)),
      command: (sql) => runScript(client, sql, context),
      rollBack: async () => {
        await runScript(client, "ROLLBACK", context).catch(() => client.end().catch(() => {}));
      },
    };
  }
}
