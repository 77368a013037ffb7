/**
 * A PostgreSQL cluster of one's own: made by initdb, run as a child, reached over a unix socket only its owner can open.
 *
 * The server runs under a small shell that holds a pipe from this process: when this process ends, however it ends, the
 * shell reads end-of-file and asks PostgreSQL to stop, so none is left behind on a login node.
 */
import { execFile, spawn } from "node:child_process";
import { chown, mkdir, mkdtemp, open, readFile, rename, rm, stat } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { ConiferError, messageOf } from "../../../model/errors.ts";
import type { PostgresPrograms } from "./find-programs.ts";

/** What to run and where. */
export type ClusterSettings = {
  readonly programs: PostgresPrograms;
  /** Holds `data/`, the log and, where the path is short enough, the socket. */
  readonly directory: string;
  readonly runAs?: { readonly uid: number; readonly gid: number } | undefined;
  /** Further server settings, such as `fsync`. */
  readonly settings?: Readonly<Record<string, string>>;
};

/** A running cluster. */
export type RunningCluster = AsyncDisposable & {
  /** What a driver takes as its host. */
  readonly socketDirectory: string;
  /** Its superuser, who is also its only user. */
  readonly user: string;
  /** Resolves when the server has ended, by whatever cause. */
  readonly ended: Promise<void>;
};

const USER = "conifer";
/** Text sorts by code points, as it does in PGlite; only Linux has this locale everywhere. */
const LOCALE = process.platform === "linux" ? "C.UTF-8" : "C";
/** sun_path has 108 bytes, macOS 104; the name in it is `/.s.PGSQL.5432`. */
const LONGEST_SOCKET_DIRECTORY = 85;
const START_LIMIT_S = 120;
const POLL_MS = 20;
/**
 * Says the server's pid on descriptor 4, then waits for the end of either: of descriptor 0, its tie to this process, or of
 * the server. SIGINT asks for a fast shutdown; a server that has just begun ignores it, so it is said more than once.
 */
const WATCHED = `
  exec 3<&0
  "$@" </dev/null 3<&- 4>&- &
  server=$!
  echo "$server" >&4
  exec 4>&-
  trap '' INT TERM HUP
  { read -r _ <&3; while kill -INT "$server"; do sleep 1; done; } >/dev/null 2>&1 &
  watcher=$!
  exec 3<&-
  wait "$server"; code=$?
  kill -KILL "$watcher" 2>/dev/null
  exit "$code"`;

const execute = promisify(execFile);

/** Makes the cluster when there is none, ends a server that an earlier process left, and starts one. */
export async function startCluster(cluster: ClusterSettings): Promise<RunningCluster> {
  const { directory, programs, runAs } = cluster;
  if (process.getuid?.() === 0 && runAs === undefined) {
    throw new ConiferError("DATABASE_FAILED", {
      problem: "PostgreSQL refuses to run as root: start the server as another user, or leave out --database managed",
    });
  }
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (runAs !== undefined) await chown(directory, runAs.uid, runAs.gid);
  const data = join(directory, "data");
  await makeData(cluster, data);
  // Fails when none runs, which is the usual case; a stale postmaster.pid is PostgreSQL's own to judge.
  await execute(programs.pg_ctl, ["stop", "-D", data, "-m", "fast", "-w", "-t", String(START_LIMIT_S)], {
    ...runAs,
  }).catch(() => {});
  return run(cluster, data);
}

async function makeData({ directory, programs, runAs }: ClusterSettings, data: string): Promise<void> {
  if (await stat(join(data, "PG_VERSION")).catch(() => undefined)) return;
  // Under another name until it is whole: a crash half-way leaves nothing that looks like a cluster.
  const unfinished = join(directory, "data.new");
  await rm(unfinished, { recursive: true, force: true });
  const layout = [
    "-D",
    unfinished,
    "-U",
    USER,
    "--auth=trust",
    "--encoding=UTF8",
    `--locale=${LOCALE}`,
    "--data-checksums",
  ];
  try {
    await execute(programs.initdb, layout, { cwd: directory, ...runAs });
  } catch (error) {
    throw new ConiferError(
      "DID_NOT_START",
      { what: "initdb", problem: messageOf(error), log: "this message" },
      { cause: error },
    );
  }
  await rename(unfinished, data);
}

async function run(cluster: ClusterSettings, data: string): Promise<RunningCluster> {
  const { directory, programs, runAs } = cluster;
  const socket = await makeSocketDirectory(cluster);
  const log = join(directory, "postgres.log");
  await rename(log, `${log}.1`).catch(() => {});
  const settings = {
    listen_addresses: "",
    unix_socket_directories: socket.path,
    unix_socket_permissions: "0700",
    max_wal_size: "1GB",
    random_page_cost: "1.1",
    log_min_messages: "log",
    ...cluster.settings,
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const logFile = await open(log, "w", 0o600);
  const child = spawn("/bin/sh", ["-c", WATCHED, "conifer-postgres", programs.postgres, "-D", data, ...options], {
    cwd: directory,
    // Its own group: a Ctrl-C in the terminal is for this process, which then stops it in order.
    detached: true,
    stdio: ["pipe", logFile.fd, logFile.fd, "ignore", "pipe"],
    ...runAs,
  });
  // An idle database keeps no process alive: the pipe closes with the process, and the server stops.
  child.unref();
  (child.stdin as Socket | null)?.unref();
  const pid = firstLineOf(child.stdio[4] as Readable | null);
  await logFile.close();
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  }).then(() => {
    hasEnded = true;
  });
  try {
    await untilReady(join(data, "postmaster.pid"), { pid: await pid, hasEnded: () => hasEnded });
  } catch (error) {
    child.stdin?.destroy();
    await ended;
    throw new ConiferError(
      "DID_NOT_START",
      { what: "PostgreSQL", problem: await lastWords(log, error), log },
      { cause: error },
    );
  }
  const stop = async (): Promise<void> => {
    child.ref();
    child.stdin?.destroy();
    await ended;
    await socket.remove();
  };
  return { socketDirectory: socket.path, user: USER, ended, [Symbol.asyncDispose]: stop };
}

/** The first line of postmaster.pid says whose it is (a killed server leaves one behind), the eighth how far that one is. */
async function untilReady(pidFile: string, server: { pid: string; hasEnded: () => boolean }): Promise<void> {
  const limit = Date.now() + START_LIMIT_S * 1000;
  while (Date.now() < limit) {
    if (server.hasEnded()) throw new Error("it ended at once");
    const lines = (await readFile(pidFile, "utf8").catch(() => "")).split("\n");
    if (lines[0]?.trim() === server.pid && lines[7]?.trim() === "ready") return;
    await sleep(POLL_MS);
  }
  throw new Error(`it was not ready within ${START_LIMIT_S} s`);
}

async function firstLineOf(stream: Readable | null): Promise<string> {
  let text = "";
  for await (const chunk of stream ?? []) text += String(chunk);
  return text.trim();
}

type SocketDirectory = { readonly path: string; remove(): Promise<void> };

async function makeSocketDirectory({ directory, runAs }: ClusterSettings): Promise<SocketDirectory> {
  const own = join(directory, "socket");
  const fits = Buffer.byteLength(own) <= LONGEST_SOCKET_DIRECTORY;
  const path = fits ? own : await mkdtemp(join(tmpdir(), "conifer-pg-"));
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (runAs !== undefined) await chown(path, runAs.uid, runAs.gid);
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

async function lastWords(log: string, error: unknown): Promise<string> {
  const lines = (await readFile(log, "utf8").catch(() => "")).trim().split("\n");
  return lines.findLast((line) => /\b(FATAL|PANIC|ERROR):/.test(line)) ?? messageOf(error);
}
