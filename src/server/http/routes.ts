/** Registers the table of operations: every route, its validation and its access are data; only the handlers are code. */
import { setMaxListeners } from "node:events";
import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Operation, type OperationName, operations, STREAMS } from "../../client/wire/operations.ts";
import { ConiferError } from "../../model/errors.ts";
import { hashRequest, type ReadBody } from "./body.ts";
import type { Caller, Handlers, RequestContext, Services, StreamHandler, StreamHandlers } from "./context.ts";
import { runOnce } from "./once.ts";
import { openEventStream } from "./stream.ts";
import { TokenWatch } from "./token-watch.ts";
import { validate } from "./validate.ts";

export type RouteOptions = {
  readonly services: Services;
  readonly handlers: Handlers;
  readonly streams: StreamHandlers;
  /** Who sends this bearer token; null = nobody known. */
  readonly callerOf: (token: string) => Promise<Caller | null>;
  /** Calls `listener` whenever tokens may have been revoked, here or in another process. */
  readonly onRevoked: (listener: () => void) => void;
  /** Aborts when the server stops: waiting handlers and streams end. */
  readonly stopping: AbortSignal;
};

/** The same for all operations once their types are checked at `Handlers`. */
type AnyHandler = (
  context: RequestContext,
  input: { params: { id: number }; query: unknown; body: unknown },
) => Promise<unknown>;

const NOBODY: Caller = { id: 0, name: "nobody", admin: false };
const EMPTY = new Uint8Array();

/** Adds a route for each operation and stream. */
export function registerRoutes(app: FastifyInstance, options: RouteOptions): void {
  // Every waiting request listens to it.
  setMaxListeners(0, options.stopping);
  for (const name of Object.keys(operations) as OperationName[]) {
    const operation: Operation = operations[name];
    const handler = options.handlers[name] as AnyHandler;
    app.route({
      method: operation.method,
      url: operation.path,
      ...(operation.access === "anyone" ? {} : { onRequest: (request) => admit(request, operation, options) }),
      handler: (request, reply) => answer(request, reply, { operation, handler, options }),
    });
  }
  const watch = new TokenWatch(options.callerOf);
  options.onRevoked(() => void watch.look());
  for (const name of Object.keys(STREAMS) as (keyof typeof STREAMS)[]) {
    const onRequest = (request: FastifyRequest): Promise<void> => admit(request, null, options);
    app.get(STREAMS[name], { onRequest }, (request, reply) =>
      stream(request, reply, { handler: options.streams[name], options, watch }),
    );
  }
}

/** Who sent the requests under way. */
const callers = new WeakMap<FastifyRequest, Caller>();

/** Finds out who asks, from the headers alone: of a caller who may not, no body is read. */
async function admit(request: FastifyRequest, operation: Operation | null, options: RouteOptions): Promise<void> {
  const user = await authenticate(request, options);
  if (operation?.access === "admin" && !user.admin)
    throw new ConiferError("FORBIDDEN", { who: user.name, what: operation.summary.toLowerCase() });
  callers.set(request, user);
}

type Route = { readonly operation: Operation; readonly handler: AnyHandler; readonly options: RouteOptions };

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  { operation, handler, options }: Route,
): Promise<FastifyReply> {
  const user = callers.get(request) ?? NOBODY;
  const params = { id: readId(request) };
  const query = operation.query ? validate(operation.query, request.query, "query") : refuseQuery(request);
  const body = operation.body
    ? validate(operation.body, (request.body as ReadBody | undefined)?.value ?? {}, "")
    : undefined;
  const context = makeContext(request, reply, { user, options, operation });
  const result = await handler(context, { params, query, body });
  return reply.header("content-type", "application/json; charset=utf-8").send(JSON.stringify(result));
}

async function stream(
  request: FastifyRequest,
  reply: FastifyReply,
  { handler, options, watch }: { handler: StreamHandler; options: RouteOptions; watch: TokenWatch },
): Promise<void> {
  const user = callers.get(request) ?? NOBODY;
  const context = makeContext(request, reply, { user, options, operation: null });
  using token = watch.watch(tokenOf(request));
  const events = openEventStream(reply.raw, AbortSignal.any([context.signal, token.signal]));
  const input = { params: { id: readId(request) }, query: request.query as Record<string, string> };
  try {
    await handler(context, input, events);
  } catch (error) {
    if (!reply.raw.headersSent) throw error;
    request.log.error({ err: error }, "a stream broke");
  }
  if (!reply.raw.headersSent) events.open();
  reply.hijack();
  reply.raw.end();
}

function makeContext(
  request: FastifyRequest,
  reply: FastifyReply,
  { user, options, operation }: { user: Caller; options: RouteOptions; operation: Operation | null },
): RequestContext {
  let signal: AbortSignal | null = null;
  return {
    ...options.services,
    user,
    get signal() {
      signal ??= waitingSignal(reply.raw, options.stopping);
      return signal;
    },
    once: (work) => runOnce(options.services.db, operation?.idempotent ? keyOf(request, user) : null, work),
  };
}

/**
 * Aborts when the caller hangs up or the server stops. It listens to the response and not to the connection, which is kept
 * for many requests, and lets go of the server's signal in the end, which outlives them all.
 */
function waitingSignal(response: ServerResponse, stopping: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  stopping.addEventListener("abort", abort);
  response.once("close", () => {
    stopping.removeEventListener("abort", abort);
    abort();
  });
  if (stopping.aborted || response.destroyed) abort();
  return controller.signal;
}

function keyOf(request: FastifyRequest, user: Caller): { userId: number; key: string; hash: Uint8Array } | null {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return null;
  if (typeof key !== "string" || key === "" || key.length > 256)
    throw new ConiferError("BAD_INPUT", { where: "Idempotency-Key", problem: "expected 1 to 256 characters" });
  const bytes = (request.body as ReadBody | undefined)?.bytes ?? EMPTY;
  return { userId: user.id, key, hash: hashRequest(request.method, request.url, bytes) };
}

async function authenticate(request: FastifyRequest, options: RouteOptions): Promise<Caller> {
  const token = tokenOf(request);
  const caller = token === "" ? null : await options.callerOf(token);
  if (!caller) throw new ConiferError("NOT_LOGGED_IN", { address: request.headers.host ?? "here" });
  return caller;
}

function tokenOf(request: FastifyRequest): string {
  return /^Bearer (\S+)$/i.exec(request.headers.authorization ?? "")?.[1] ?? "";
}

function readId(request: FastifyRequest): number {
  const text = (request.params as { id?: string }).id;
  if (text === undefined) return 0;
  if (!/^[1-9]\d{0,14}$/.test(text))
    throw new ConiferError("BAD_INPUT", {
      where: "path",
      problem: `expected an id, got ${JSON.stringify(text.slice(0, 40))}`,
    });
  return Number(text);
}

function refuseQuery(request: FastifyRequest): undefined {
  const [name] = Object.keys(request.query as object);
  if (name !== undefined) throw new ConiferError("BAD_INPUT", { where: "query", problem: `unknown field "${name}"` });
  return undefined;
}
