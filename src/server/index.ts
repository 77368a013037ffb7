/** The server: a directory, a database, a port. What it does is in the folders beside; this starts and stops it. */
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { type Logger, pino } from "pino";
import { ConiferError, isConiferError, messageOf } from "../model/errors.ts";
import { rotateLog } from "../platform/files/rotate-log.ts";
import { ensureTls } from "../platform/tls/own-certificate.ts";
import { ensureOwner } from "./access/owner.ts";
import { type Assembly, assemble, VERSION } from "./assemble.ts";
import { closeAll } from "./close-all.ts";
import { migrate, openDatabase } from "./database/index.ts";
import { lockDirectory } from "./database/lock/directory-lock.ts";
import { logFile, type ResolvedOptions, resolveOptions, type ServerOptions } from "./options.ts";
import { migrations } from "./schema/index.ts";
import { lastPort, removeServerFile, writeServerFile } from "./server-file.ts";
import { systemClocks } from "./sessions/index.ts";

export type { ServerOptions } from "./options.ts";

/** A server that runs in this process, until it is disposed of. */
export type Server = AsyncDisposable & {
  /** `http://127.0.0.1:PORT` or `https://HOST:PORT`. */
  readonly address: string;
  /** SHA-256 of its certificate, hex; null without TLS. */
  readonly fingerprint: string | null;
  /** The owner's token, as in the directory's owner-token file. */
  readonly ownerToken: string;
  /** Resolves with the reason when the database is gone for good, so that the server is of no use any more. */
  readonly failed: Promise<ConiferError>;
};

/** Old logs kept beside the present one. */
const KEPT_LOGS = 3;

/**
 * Starts a server: opens (or makes) its database, brings the schema up, and listens. Throws DATABASE_LOCKED or
 * ALREADY_RUNNING where another server has the directory, PLAIN_LISTEN for an open port without TLS.
 */
export async function startServer(given: ServerOptions): Promise<Server> {
  const options = resolveOptions(given);
  const opened: AsyncDisposable[] = [];
  const close = async (log: Logger | null): Promise<void> => {
    const endings = opened.reverse().map((part) => ({ what: "close a part", end: () => part[Symbol.asyncDispose]() }));
    await closeAll(endings, (error) => log?.error({ err: error }, "a part of the server did not close"));
  };
  try {
    return await start(options, { opened, close });
  } catch (error) {
    await close(null);
    throw error;
  }
}

type Opening = { readonly opened: AsyncDisposable[]; close(log: Logger | null): Promise<void> };

async function start(options: ResolvedOptions, { opened, close }: Opening): Promise<Server> {
  const { directory, leaseSec } = options;
  const open = <T extends AsyncDisposable>(part: T): T => {
    opened.push(part);
    return part;
  };
  await mkdir(directory, { recursive: true, mode: 0o700 });
  // An embedded database has a lock of its own; several servers may use one PostgreSQL, but not one directory.
  if (options.database.kind === "postgres") open(await lockServerDirectory(directory));
  const db = open(await openDatabase(options.database));
  await migrate(db, migrations);
  const ownerToken = await ensureOwner(db, directory);
  const tls = options.tls ? await ensureTls(directory, options.host) : null;
  const log = await openLog(options);
  const assembly = open(await assemble({ db, clocks: systemClocks, log, leaseSec, tls }));
  const address = await listen(assembly, options);
  const fingerprint = tls?.fingerprint ?? null;
  await writeServerFile(directory, { address, fingerprint, version: VERSION });
  open({ [Symbol.asyncDispose]: () => removeServerFile(directory) });
  log.info({ address, engine: db.engine, database: db.place, pid: process.pid, version: VERSION }, "the server runs");
  return {
    address,
    fingerprint,
    ownerToken,
    failed: db.failed,
    [Symbol.asyncDispose]: async () => {
      log.info("the server stops");
      await close(log);
    },
  };
}

/**
 * Listens where asked; by default where it listened last time, the first time at a free port. Where that one is taken now
 * it does not move: sites and pilots look for it where it was.
 */
async function listen({ http }: Assembly, { host, port, tls, directory }: ResolvedOptions): Promise<string> {
  const last = port === null ? await lastPort(directory) : null;
  const wanted = port ?? last ?? 0;
  try {
    await http.listen({ host, port: wanted });
  } catch (error) {
    const moved =
      last !== null && codeOf(error) === "EADDRINUSE"
        ? "; it listened there last time, and sites and pilots look for it there: end what has the port, or choose another address with --listen and run `conifer site init` in the sites"
        : "";
    const what = `The server at ${host}:${wanted}`;
    const problem = `${messageOf(error)}${moved}`;
    throw new ConiferError("DID_NOT_START", { what, problem, log: logFile(directory) }, { cause: error });
  }
  const bound = http.server.address();
  const actual = typeof bound === "object" && bound !== null ? bound.port : wanted;
  return `${tls ? "https" : "http"}://${nameOf(host)}:${actual}`;
}

/** What clients write for a host: an address that means every interface is replaced by this machine's name. */
function nameOf(host: string): string {
  if (host === "0.0.0.0" || host === "::") return hostname();
  return host.includes(":") ? `[${host}]` : host;
}

async function lockServerDirectory(directory: string): Promise<AsyncDisposable> {
  try {
    const lock = await lockDirectory(directory);
    return { [Symbol.asyncDispose]: () => lock.release() };
  } catch (error) {
    if (!isConiferError(error) || error.code !== "DATABASE_LOCKED") throw error;
    throw new ConiferError("ALREADY_RUNNING", { ...error.values, what: `The server in ${directory}` });
  }
}

/** The server's log, a new one at each start; readable by its owner alone. On a terminal it is also shown there. */
async function openLog({ directory, logLevel }: ResolvedOptions): Promise<Logger> {
  const file = logFile(directory);
  await rotateLog(file, KEPT_LOGS);
  const streams = [
    { level: logLevel, stream: pino.destination({ dest: file, sync: true, mode: 0o600 }) },
    ...(process.stderr.isTTY ? [{ level: logLevel, stream: pino.destination({ dest: 2, sync: true }) }] : []),
  ];
  return pino({ level: logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.multistream(streams));
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
