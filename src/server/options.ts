import { join } from "node:path";
import { isLoopback } from "../client/transport/address.ts";
import { ConiferError } from "../model/errors.ts";
import { type DatabaseOptions, parseDatabaseOption } from "./database/index.ts";

/** What `startServer` takes; every field but the directory has a default. */
export type ServerOptions = {
  /** Where the server keeps its files; made (0700) when missing. */
  readonly directory: string;
  /** `pglite` (default), `managed` or a postgres:// URL. */
  readonly database?: string | undefined;
  /** `HOST:PORT`, `PORT` or `HOST`. Default 127.0.0.1 and the port of the last run, at first a free one. */
  readonly listen?: string | undefined;
  /** Default: only beyond loopback, where it is a must. */
  readonly tls?: boolean | undefined;
  /** Lease of sessions, seconds. Default 600. */
  readonly leaseSec?: number | undefined;
  /** Open the database although a holder of its lock, gone for good, cannot be proved dead. Default false. */
  readonly takeOverLock?: boolean | undefined;
  /** Give up surviving a power cut, for tests. Default true. */
  readonly durable?: boolean | undefined;
  /** Default info. */
  readonly logLevel?: string | undefined;
};

export type ResolvedOptions = {
  readonly directory: string;
  readonly database: DatabaseOptions;
  readonly host: string;
  /** null: the port of the last run, or a free one. */
  readonly port: number | null;
  readonly tls: boolean;
  readonly leaseSec: number;
  readonly logLevel: string;
};

export const DEFAULT_LEASE_SEC = 600;
const SHORTEST_LEASE_SEC = 1;

/** Options with all defaults in place. Listening beyond loopback without TLS is PLAIN_LISTEN. */
export function resolveOptions(options: ServerOptions): ResolvedOptions {
  const { host, port } = parseListen(options.listen);
  const leaseSec = options.leaseSec ?? DEFAULT_LEASE_SEC;
  if (!Number.isFinite(leaseSec) || leaseSec < SHORTEST_LEASE_SEC)
    throw new ConiferError("BAD_INPUT", { where: "--lease-sec", problem: `expected at least ${SHORTEST_LEASE_SEC}` });
  const tls = options.tls ?? !isLoopback(host);
  if (!tls && !isLoopback(host)) throw new ConiferError("PLAIN_LISTEN", { address: host });
  return {
    directory: options.directory,
    database: withLock(parseDatabaseOption(options.database, options.directory), options),
    host,
    port,
    tls,
    leaseSec,
    logLevel: options.logLevel ?? "info",
  };
}

/** Reads `HOST:PORT`, `[V6]:PORT`, `PORT` or `HOST`. */
export function parseListen(text: string | undefined): { host: string; port: number | null } {
  if (text === undefined) return { host: "127.0.0.1", port: null };
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:[\]\s]*[^:[\]\s\d][^:[\]\s]*|\d+\.\d+\.\d+\.\d+))?(?::?(\d+))?$/.exec(
    text,
  );
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? null : Number(match[3]);
  if (!match || (host === undefined && port === null) || (port !== null && port > 65_535))
    throw new ConiferError("BAD_INPUT", {
      where: "--listen",
      problem: `expected HOST:PORT, got ${JSON.stringify(text)}`,
    });
  return { host: host ?? "127.0.0.1", port };
}

function withLock(database: DatabaseOptions, { takeOverLock = false, durable = true }: ServerOptions): DatabaseOptions {
  switch (database.kind) {
    case "pglite":
      return { ...database, takeOverLock, durable };
    case "managed":
      return { ...database, takeOverLock };
    default:
      return database;
  }
}

/** Where the server logs. */
export const logFile = (directory: string): string => join(directory, "server.log");
