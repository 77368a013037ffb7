/** Puts the server's parts together over an open, migrated database: everything but files, ports and signals. */
import { setMaxListeners } from "node:events";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import packageJson from "../../package.json" with { type: "json" };
import { TokenCache } from "./access/token-cache.ts";
import { ChangeHub, joinProcesses } from "./changes/index.ts";
import { closeAll } from "./close-all.ts";
import type { Database } from "./database/index.ts";
import { makeHandlers, streams } from "./handlers.ts";
import type { Services } from "./http/context.ts";
import { buildHttp } from "./http/index.ts";
import { type Clocks, SessionBook } from "./sessions/index.ts";
import { StatusBoard } from "./status.ts";
import { Upkeep } from "./upkeep/index.ts";

export type Parts = {
  readonly db: Database;
  readonly clocks: Clocks;
  readonly log: Logger;
  readonly leaseSec: number;
  readonly tls: { readonly key: string; readonly cert: string } | null;
  /** False leaves the chores to the caller, who moves the clocks. Default true. */
  readonly upkeep?: boolean;
};
export type Assembly = AsyncDisposable & {
  readonly http: FastifyInstance;
  readonly services: Services;
};

export const VERSION = packageJson.version;
/** Requests under way when the server stops have this long to end by themselves. */
const STOP_GRACE_MS = 5_000;
const TOKEN_USE_MS = 60_000;

/** Starts everything that needs no port; disposing of it ends streams and waiting requests, lets the others finish, and leaves the database open. */
export async function assemble({ db, clocks, log, leaseSec, tls, upkeep: keepsUp = true }: Parts): Promise<Assembly> {
  const startedMs = performance.now();
  const changes = new ChangeHub();
  const joined = await joinProcesses(changes, db, log);
  const sessions = new SessionBook({ db, hub: changes, clocks, log, leaseSec });
  const services: Services = { db, changes, sessions, clock: clocks, settings: { version: VERSION, leaseSec }, log };
  const tokens = await TokenCache.open(db, clocks);
  const board = new StatusBoard(db);
  await board.look();
  const storeUse = { everyMs: TOKEN_USE_MS, what: "note the use of tokens", work: () => tokens.storeUse() };
  const upkeep = keepsUp ? await Upkeep.start(services, clocks, [storeUse]) : null;
  const stopping = new AbortController();
  // Every request that waits listens to it.
  setMaxListeners(0, stopping.signal);
  const http = buildHttp({
    services,
    handlers: makeHandlers({ tokens, board, startedMs }),
    streams,
    callerOf: (token) => tokens.callerOf(token),
    onRevoked: (listener) => tokens.onForget(listener),
    stopping: stopping.signal,
    tls,
  });
  return {
    http,
    services,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      const force = setTimeout(() => http.server.closeAllConnections(), STOP_GRACE_MS);
      const endings = [
        { what: "close its port", end: () => http.close().finally(() => clearTimeout(force)) },
        { what: "end its chores", end: async () => upkeep?.[Symbol.asyncDispose]() },
        { what: "write the last leases", end: () => sessions[Symbol.asyncDispose]() },
        { what: "note the use of tokens", end: () => tokens.storeUse() },
        { what: "stop listening for tokens", end: () => tokens[Symbol.asyncDispose]() },
        { what: "leave the other processes", end: () => joined[Symbol.asyncDispose]() },
      ];
      await closeAll(endings, (error, what) => log.warn({ err: error }, `the server stops, and could not ${what}`));
    },
  };
}
