/**
 * Lets running jobs reach the server through their pilot: plain HTTP over a unix socket that only the pilot's user can
 * open. A job shows its own token, which ends with its attempt; the pilot calls the server with its own access, so no job
 * ever holds that. Jobs made this way carry who made them in `data.createdBy`.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { CallOptions, Client } from "../../../client/client.ts";
import type { OperationName } from "../../../client/wire/operations.ts";
import { STREAMS } from "../../../client/wire/routes.ts";
import { ConiferError, isConiferError, messageOf } from "../../../model/errors.ts";
import { readBody, withCreator } from "./body.ts";
import { createGrants, type Grant } from "./grants.ts";
import { type RelayedRoute, routeOf } from "./routes.ts";

export interface Relay {
  readonly address: string;
  /** Lets an attempt in until it is revoked. */
  grant(job: number, attempt: number): { readonly address: string; readonly token: string };
  revoke(job: number, attempt: number): void;
  close(): Promise<void>;
}

/** What a socket's path may be long, without the NUL at its end. */
const longestPath = 107;

/** Opens the relay in the pilot's directory, or below the system's for temporary files where the path is too long or the file system takes no sockets. */
export async function openRelay(client: Pick<Client, "call" | "stream">, directory: string): Promise<Relay> {
  const grants = createGrants();
  const server = createServer((request, response) => {
    void answer(request, response, { client, find: grants.find });
  });
  const own = join(directory, "relay.sock");
  const isOwn = Buffer.byteLength(own) <= longestPath && (await listens(server, own));
  const path = isOwn ? own : join(mkdtempSync(join(tmpdir(), "conifer-relay-")), "relay.sock");
  if (!isOwn) await listen(server, path);
  chmodSync(path, 0o600);
  // Only running jobs need it: it must not keep a pilot that is done.
  server.unref();
  const address = `unix:${path}`;
  return {
    address,
    grant: (job, attempt) => ({ address, token: grants.give(job, attempt) }),
    revoke: grants.revoke,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(isOwn ? path : dirname(path), { recursive: true, force: true });
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

const listens = (server: Server, path: string): Promise<boolean> =>
  listen(server, path).then(
    () => true,
    () => false,
  );

interface Context {
  readonly client: Pick<Client, "call" | "stream">;
  readonly find: (token: string) => Grant | undefined;
}

async function answer(request: IncomingMessage, response: ServerResponse, { client, find }: Context): Promise<void> {
  const away = new AbortController();
  let forget: (() => void) | null = null;
  try {
    const grant = find(/^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "");
    if (!grant) throw new ConiferError("NOT_LOGGED_IN", { address: "this pilot" });
    const { method = "GET" } = request;
    const url = new URL(request.url ?? "/", "http://pilot");
    response.once("close", () => away.abort());
    forget = grant.onEnd(() => away.abort());
    const { signal } = away;
    if (method === "GET" && url.pathname === STREAMS.events) return await stream(client, { url, response, signal });
    const route = routeOf(method, url.pathname);
    if (!route) {
      const what = `call ${method} ${url.pathname} from inside`;
      throw new ConiferError("FORBIDDEN", { who: `job ${grant.job}`, what });
    }
    send(response, 200, "application/json", await forward(client, { request, url, route, grant, signal }));
  } catch (error) {
    const known = isConiferError(error) ? error : new ConiferError("INTERNAL", { problem: messageOf(error) });
    const { code, status, message: detail, hint, values } = known;
    const title = code.toLowerCase().replaceAll("_", " ");
    send(response, status, "application/problem+json", {
      type: "about:blank",
      title,
      status,
      code,
      detail,
      hint,
      values,
    });
  } finally {
    forget?.();
  }
}

interface Forward {
  readonly request: IncomingMessage;
  readonly url: URL;
  readonly route: RelayedRoute;
  readonly grant: Grant;
  readonly signal: AbortSignal;
}

async function forward(client: Pick<Client, "call">, parts: Forward): Promise<unknown> {
  const { request, url, route, grant, signal } = parts;
  const body = await readBody(request);
  const key = request.headers["idempotency-key"];
  const query = Object.fromEntries([...new Set(url.searchParams.keys())].map((name) => [name, queryValue(url, name)]));
  const options = {
    ...(route.id === null ? {} : { params: { id: route.id } }),
    ...(url.search === "" ? {} : { query }),
    ...(body === undefined ? {} : { body: route.name === "jobCreate" ? withCreator(body, grant.job) : body }),
    ...(typeof key === "string" ? { idempotencyKey: key } : {}),
    signal,
  };
  // The server checks what a job sends; here it only passes through.
  return client.call(route.name as OperationName, options as unknown as CallOptions<OperationName>);
}

function queryValue({ searchParams }: URL, name: string): string | string[] {
  const values = searchParams.getAll(name);
  return values.length === 1 ? (values[0] ?? "") : values;
}

async function stream(
  client: Pick<Client, "stream">,
  { url, response, signal }: { url: URL; response: ServerResponse; signal: AbortSignal },
): Promise<void> {
  const query = Object.fromEntries(url.searchParams);
  let isOpen = false;
  for await (const { event, data } of client.stream(STREAMS.events, { query, signal })) {
    if (!isOpen) {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      response.flushHeaders();
      isOpen = true;
      // The caller's own `open` stands for the first one; a later one says that something may have been missed.
      if (event === "open") continue;
    }
    response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }
  response.end();
}

function send(response: ServerResponse, status: number, type: string, body: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { "content-type": type });
  response.end(JSON.stringify(body));
}
