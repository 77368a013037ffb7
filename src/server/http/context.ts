/** What every handler is given, and what the table of operations asks of the handlers together. */
import type { Logger } from "pino";
import type { AnswerOf, BodyOf, OperationName, QueryOf, STREAMS } from "../../client/wire/operations.ts";
import type { ChangeHub } from "../changes/index.ts";
import type { Database, Transaction } from "../database/index.ts";
import type { SessionBook } from "../sessions/index.ts";

export type Caller = { readonly id: number; readonly name: string; readonly admin: boolean };

/** Milliseconds since 1970; injected, so that tests can move it. */
export type Clock = { now(): number };

export type ServerSettings = {
  readonly version: string;
  /** Lease of a session, seconds. */
  readonly leaseSec: number;
};

/** Where a handler tells what it changed, after its transaction has committed; the hub carries it to streams, in every API process. */
export type Changes = Pick<ChangeHub, "publish" | "wake" | "command">;

/** What lives as long as the server. */
export type Services = {
  readonly db: Database;
  readonly changes: ChangeHub;
  readonly sessions: SessionBook;
  readonly clock: Clock;
  readonly settings: ServerSettings;
  readonly log: Logger;
};

export type RequestContext = Services & {
  readonly user: Caller;
  /** Aborts when the caller hangs up or the server stops; for handlers that wait. */
  readonly signal: AbortSignal;
  /**
   * Runs `work` in one transaction together with the request's idempotency key: a replay of the request gets the first
   * answer and `work` is not run. Without a key it is just a transaction. Answers must be JSON.
   */
  once<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
};

export type Input<N extends OperationName> = {
  /** The id in the path; 0 where the path has none. */
  readonly params: { readonly id: number };
  readonly query: QueryOf<N>;
  readonly body: BodyOf<N>;
};
export type Handler<N extends OperationName> = (context: RequestContext, input: Input<N>) => Promise<AnswerOf<N>>;
/** One handler for each operation: one left out does not type-check. A part is written `{…} satisfies Partial<Handlers>`. */
export type Handlers = { readonly [N in OperationName]: Handler<N> };

/** An open stream of Server-Sent Events. */
export interface EventStream {
  /** Sends the header, so that the caller knows that it listens; the first event does so too. */
  open(): void;
  /** Sends one event; a caller too slow to read is cut off (it reconnects and looks again). */
  send(event: string, data: unknown): void;
  /** Aborts when the caller hangs up or the server stops. */
  readonly signal: AbortSignal;
}
export type StreamInput = {
  readonly params: { readonly id: number };
  readonly query: Readonly<Record<string, string>>;
};
/** Checks who may listen, sends until `stream.signal` aborts; what it throws before its first event is answered as a problem. */
export type StreamHandler = (context: RequestContext, input: StreamInput, stream: EventStream) => Promise<void>;
export type StreamHandlers = { readonly [N in keyof typeof STREAMS]: StreamHandler };
