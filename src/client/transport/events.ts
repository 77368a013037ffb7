import { createParser } from "eventsource-parser";
import { ConiferError, isConiferError } from "../../model/errors.ts";
import type { Clock } from "../clock.ts";
import { backoffMs, retryAfterMs } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import { exchange, type Limits, NoAnswer, readBody } from "./exchange.ts";
import { toError } from "./problem.ts";

/** One event of a stream; `open` (data null) says that the stream was (re)connected and something may have been missed. */
export type StreamEvent = { readonly event: string; readonly data: unknown };

export type StreamSource = {
  readonly connection: Connection;
  readonly address: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** A stream this long without a byte (servers send comments) is taken for dead. */
  readonly silenceMs: number;
};

/**
 * Server-Sent Events without end: a broken stream is connected again with back-off until the signal aborts, then the
 * iteration just ends. A 4xx answer is thrown: coming back would not change it.
 */
export async function* streamEvents(source: StreamSource): AsyncGenerator<StreamEvent, void> {
  const { signal, clock, address, path } = source;
  const limits: Limits = { connectMs: 10_000, answerMs: 30_000, signal };
  for (let failures = 0; !signal.aborted; ) {
    let waitMs: number | null = null;
    try {
      const message = { method: "GET", path, headers: { ...source.headers, accept: "text/event-stream" } };
      const response = await exchange(source.connection, message, limits);
      const status = response.statusCode ?? 0;
      if (status !== 200) {
        const text = await readBody(response, limits);
        waitMs = retryAfterMs(response.headers["retry-after"]);
        throw toError({ status, text, request: `GET ${path}`, address });
      }
      failures = 0;
      yield { event: "open", data: null };
      response.setTimeout(source.silenceMs, () => response.destroy(new Error("silent")));
      const abort = () => response.destroy(new Error("aborted"));
      signal.addEventListener("abort", abort);
      // The caller may have aborted in answer to `open`, before anybody listened.
      if (signal.aborted) abort();
      try {
        yield* parsed(response, `GET ${path}`);
      } finally {
        signal.removeEventListener("abort", abort);
        response.destroy();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (isConiferError(error) && (error.status < 500 || error.code === "BAD_ANSWER")) throw error;
    }
    failures += 1;
    await clock.sleep(waitMs ?? backoffMs(failures, clock.random()), signal).catch(() => undefined);
  }
}

/** Ends, instead of throwing, where the stream breaks: the caller connects again either way. */
async function* parsed(chunks: AsyncIterable<Buffer>, request: string): AsyncGenerator<StreamEvent, void> {
  const ready: StreamEvent[] = [];
  const decoder = new TextDecoder();
  let unreadable: string | null = null;
  const parser = createParser({
    onEvent: ({ event, data }) => {
      try {
        ready.push({ event: event ?? "message", data: data === "" ? null : JSON.parse(data) });
      } catch {
        unreadable = data.slice(0, 100);
      }
    },
  });
  try {
    for await (const chunk of chunks) {
      parser.feed(decoder.decode(chunk, { stream: true }));
      yield* ready.splice(0);
      if (unreadable !== null) throw new ConiferError("BAD_ANSWER", { request, problem: `event ${unreadable}` });
    }
  } catch (error) {
    if (isConiferError(error)) throw error;
    if (!(error instanceof Error)) throw new NoAnswer(String(error), true);
  }
}
