import type { ConiferError } from "../../model/errors.ts";

/** What a statement answered: its rows, and how many it returned or touched. */
export interface QueryResult<Row> {
  readonly rows: Row[];
  readonly rowCount: number;
}

/**
 * Something that runs one SQL statement with `$1`-style parameters.
 *
 * Values are the same on both engines. Rows: int8 and numeric are numbers (an int8 past the safe range throws), timestamptz is
 * an ISO-8601 string in UTC with six decimals (so that strings sort as times do), json and jsonb are parsed, bytea is a
 * Uint8Array, arrays are arrays, everything else unknown is text. Parameters: string, number, bigint, boolean, null, Date,
 * Uint8Array and arrays of these; JSON is passed as its text.
 */
export interface Queryable {
  query<Row = Record<string, unknown>>(sql: string, params?: readonly unknown[]): Promise<QueryResult<Row>>;
}

/** A transaction in progress: every statement runs on its one connection. */
export interface Transaction extends Queryable {
  /** Runs several statements separated by semicolons, without parameters. */
  exec(sql: string): Promise<void>;
}

/** Conifer's only door to SQL, the same over PGlite and PostgreSQL. */
export interface Database extends Queryable, AsyncDisposable {
  readonly engine: "pglite" | "postgres";
  /** The directory, or the URL without its password. */
  readonly place: string;
  /** Resolves with the reason when the database is gone for good, never while it can come back: the server should then end. */
  readonly failed: Promise<ConiferError>;
  /**
   * Runs `work` between BEGIN and COMMIT on one connection and rolls back when it throws.
   * A serialization failure or deadlock runs `work` again, a few times: it must have no effect outside the transaction.
   * Inside `work`, only `tx` may be used: the database's own `query` would wait for this very transaction, so it throws.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Runs several statements separated by semicolons, without parameters. */
  exec(sql: string): Promise<void>;
  /**
   * Calls `onPayload` for every notification on `channel` until disposed. After a connection was lost and is back, it is
   * called once with an empty payload: something may have been missed, look again.
   */
  listen(channel: string, onPayload: (payload: string) => void): Promise<AsyncDisposable>;
  /** Notifies the channel's listeners, in this process and others; at most 7,999 bytes. */
  notify(channel: string, payload: string): Promise<void>;
  /**
   * Vacuums, analyzes and checkpoints what changed much, one table a statement, so that other statements run in between.
   * Meant to be called every few seconds (with nothing due it takes a millisecond): the oftener, the shorter each step.
   * Does nothing on PostgreSQL, whose own autovacuum does it.
   */
  maintain(): Promise<void>;
}
