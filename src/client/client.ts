/**
 * The typed client: one function over the table of operations, plus its event streams. It retries only what is safe
 * (see `Call`), keeps its connections, and turns every problem the server names into the same ConiferError.
 */
import { randomUUID } from "node:crypto";
import { ConiferError } from "../model/errors.ts";
import type { Access } from "./access.ts";
import { type Clock, systemClock } from "./clock.ts";
import { backoffMs, retryAfterMs } from "./transport/backoff.ts";
import { makeConnection } from "./transport/connection.ts";
import { type StreamEvent, streamEvents } from "./transport/events.ts";
import { exchange, type Limits, type Message, NoAnswer, readBody } from "./transport/exchange.ts";
import { fillPath } from "./transport/path.ts";
import { toError } from "./transport/problem.ts";
import type { AnswerOf, BodyInput, OperationName, QueryInput } from "./wire/operations.ts";
import { ROUTES, type Route } from "./wire/routes.ts";

export type { Access } from "./access.ts";
export type { StreamEvent } from "./transport/events.ts";

export type CallOptions<N extends OperationName> = {
  readonly params?: { readonly id: number };
  readonly query?: QueryInput<N>;
  readonly body?: BodyInput<N>;
  /** Default: a fresh one for operations that take a key. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
  /** Until the answer begins, and again until it ends. Default 120. */
  readonly timeoutSec?: number;
  /** Whether a call that got no answer, or 503, may be sent again. Default: GET and keyed calls. */
  readonly retry?: boolean;
};

/** A connection to one server; closing it ends its streams. */
export interface Client extends AsyncDisposable {
  readonly address: string;
  /** Calls one operation; throws the ConiferError the server names, SERVER_UNREACHABLE without an answer. */
  call<N extends OperationName>(name: N, options?: CallOptions<N>): Promise<AnswerOf<N>>;
  /** Events of a stream until the signal aborts; yields `open` at each (re)connection, throws on a 4xx answer. */
  stream(
    path: string,
    options: { query?: Record<string, string>; signal: AbortSignal },
  ): AsyncIterableIterator<StreamEvent>;
}

export type ClientOptions = {
  readonly userAgent?: string;
  readonly clock?: Clock;
  /** How often a safe call is sent again. Default 5 (about 3 s in all). */
  readonly retries?: number;
  /** A stream this long without a byte is connected anew. Default 60. */
  readonly streamSilenceSec?: number;
};

type Call = {
  readonly message: Message;
  readonly limits: Limits;
  readonly request: string;
  /** A call that was never sent may always be tried again; one that may have arrived only where a repeat is safe. */
  readonly isSafe: boolean;
  readonly mayRetry: boolean;
};

/** Opens a client on an access (nothing is sent yet). */
export function openClient(access: Access, options: ClientOptions = {}): Client {
  const connection = makeConnection(access.address, access.fingerprint);
  const { clock = systemClock, retries = 5, userAgent = "conifer", streamSilenceSec = 60 } = options;
  const headers = { authorization: `Bearer ${access.token}`, "user-agent": userAgent };
  const closing = new AbortController();

  const attempt = async (
    call: Call,
  ): Promise<{ answer: unknown } | { failed: ConiferError; waitMs: number | null }> => {
    try {
      const response = await exchange(connection, call.message, call.limits);
      const status = response.statusCode ?? 0;
      const text = await readBody(response, call.limits);
      if (status >= 200 && status < 300) return { answer: parseAnswer(text, call.request) };
      const failed = toError({ status, text, request: call.request, address: access.address });
      if (status !== 503 || !call.isSafe) throw failed;
      return { failed, waitMs: retryAfterMs(response.headers["retry-after"]) };
    } catch (cause) {
      if (!(cause instanceof NoAnswer)) throw cause;
      const values = { address: access.address, problem: cause.message };
      const failed = new ConiferError("SERVER_UNREACHABLE", values, { cause });
      if (cause.sent && !call.isSafe) throw failed;
      return { failed, waitMs: null };
    }
  };

  return {
    address: access.address,
    async call(name, callOptions = {}) {
      const call = toCall(name, callOptions, headers);
      for (let tried = 1; ; tried += 1) {
        const result = await attempt(call);
        if ("answer" in result) return result.answer as AnswerOf<typeof name>;
        if (!call.mayRetry || tried > retries || closing.signal.aborted) throw result.failed;
        await clock.sleep(result.waitMs ?? backoffMs(tried, clock.random()), callOptions.signal);
      }
    },
    stream(path, { query, signal }) {
      return streamEvents({
        connection,
        address: access.address,
        path: fillPath(path, undefined, query),
        headers,
        signal: AbortSignal.any([signal, closing.signal]),
        clock,
        silenceMs: streamSilenceSec * 1000,
      });
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      connection.close();
    },
  };
}

function toCall<N extends OperationName>(
  name: N,
  options: CallOptions<N>,
  common: Readonly<Record<string, string>>,
): Call {
  const [method, route, keyed]: Route = ROUTES[name];
  const key = options.idempotencyKey ?? (keyed ? randomUUID() : undefined);
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const answerMs = (options.timeoutSec ?? 120) * 1000;
  return {
    request: `${method} ${route}`,
    isSafe: options.retry ?? (method === "GET" || key !== undefined),
    mayRetry: options.retry ?? true,
    limits: { connectMs: Math.min(10_000, answerMs), answerMs, signal: options.signal },
    message: {
      method,
      path: fillPath(route, options.params?.id, options.query as Readonly<Record<string, unknown>> | undefined),
      headers: {
        ...common,
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(key === undefined ? {} : { "idempotency-key": key }),
      },
      ...(body === undefined ? {} : { body }),
    },
  };
}

function parseAnswer(text: string, request: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConiferError("BAD_ANSWER", { request, problem: "it is not JSON" }, { cause });
  }
}
