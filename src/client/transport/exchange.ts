import type { IncomingMessage } from "node:http";
import { isConiferError } from "../../model/errors.ts";
import type { Connection } from "./connection.ts";

export type Message = {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** Why there is no answer; `sent` says whether the server may have seen the request. */
export class NoAnswer extends Error {
  readonly sent: boolean;
  constructor(problem: string, sent: boolean, options: { cause?: unknown } = {}) {
    super(problem, options);
    this.sent = sent;
  }
}

export type Limits = {
  readonly connectMs: number;
  /** From the call to the end of the answer's head. */
  readonly answerMs: number;
  readonly signal?: AbortSignal | undefined;
};

/**
 * Sends one request and resolves with the answer's head; the body is still to be read. Rejects with NoAnswer, or with
 * the signal's reason where it aborted.
 */
export function exchange(connection: Connection, message: Message, limits: Limits): Promise<IncomingMessage> {
  const { signal } = limits;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    let sent = false;
    const request = connection.request({
      method: message.method,
      path: message.path,
      headers: {
        ...message.headers,
        ...(message.body === undefined ? {} : { "content-length": String(Buffer.byteLength(message.body)) }),
      },
    });
    // Rejects at once: a request without a connection yet reports its end only when it gets one.
    const stop = (why: string) => {
      settled();
      reject(signal?.aborted ? signal.reason : new NoAnswer(why, sent));
      request.destroy();
    };
    const abort = () => stop("aborted");
    const connecting = setTimeout(() => stop(`not connected after ${limits.connectMs / 1000} s`), limits.connectMs);
    const answering = setTimeout(() => stop(`no answer after ${limits.answerMs / 1000} s`), limits.answerMs);
    const settled = () => {
      clearTimeout(connecting);
      clearTimeout(answering);
      signal?.removeEventListener("abort", abort);
    };
    const connected = () => {
      sent = true;
      clearTimeout(connecting);
    };
    signal?.addEventListener("abort", abort);
    request.on("socket", (socket) => {
      if (socket.connecting) socket.once("connect", connected);
      else connected();
    });
    request.on("response", (response) => {
      settled();
      resolve(response);
    });
    request.on("error", (cause) => {
      settled();
      reject(isConiferError(cause) ? cause : new NoAnswer(describe(cause), sent, { cause }));
    });
    request.end(message.body);
  });
}

/** The whole body as text; rejects with NoAnswer where the connection breaks inside it. */
export async function readBody(response: IncomingMessage, limits: Limits): Promise<string> {
  const { signal } = limits;
  const chunks: Buffer[] = [];
  let problem: string | null = null;
  const stop = (why: string) => {
    problem = why;
    response.destroy(new Error(why));
  };
  const abort = () => stop("aborted");
  const late = setTimeout(() => stop(`the answer took over ${limits.answerMs / 1000} s`), limits.answerMs);
  signal?.addEventListener("abort", abort);
  if (signal?.aborted) abort();
  try {
    for await (const chunk of response) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString("utf8");
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw new NoAnswer(problem ?? describe(cause), true, { cause });
  } finally {
    clearTimeout(late);
    signal?.removeEventListener("abort", abort);
  }
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const inner = cause instanceof AggregateError && cause.errors[0] instanceof Error ? cause.errors[0] : cause;
  const code = "code" in inner ? String(inner.code) : "";
  return WORDS[code] ?? (inner.message || code || "the connection failed");
}

const WORDS: Record<string, string> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was cut",
  EPIPE: "the connection was cut",
  ENOENT: "there is no such socket",
  ENOTFOUND: "the name of the host is not known",
  EAI_AGAIN: "the name of the host could not be looked up",
  EHOSTUNREACH: "there is no way to that host",
  ENETUNREACH: "there is no way to that network",
  ETIMEDOUT: "the connection timed out",
};
