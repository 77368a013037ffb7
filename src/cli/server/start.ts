import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readServerDirectory } from "../../client/access.ts";
import { openClient } from "../../client/client.ts";
import { ConiferError, ERRORS, type ErrorCode } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";
import { programPath } from "../package.ts";
import { openLiveLine } from "../terminal/live.ts";
import { readServerFile, type ServerFile, serverDirectory, serverLives } from "./place.ts";

type Options = {
  readonly directory?: string;
  readonly database?: string;
  readonly listen?: string;
  readonly takeOverLock?: boolean;
  readonly foreground?: boolean;
};

const LOOK_MS = 50;
/** A new database takes 2 to 7 s to make on an idle machine; the recovery of a large one may take longer. */
const START_LIMIT_SEC = 180;

/** `conifer server start` */
export async function startServer(cli: Cli, options: Options): Promise<void> {
  const directory = serverDirectory(cli, options.directory);
  const before = await readServerFile(directory);
  if (before && (await serverLives(before)))
    throw new ConiferError("ALREADY_RUNNING", {
      what: `The server in ${directory}`,
      pid: before.pid,
      host: before.host,
    });
  const command = [programPath("server"), "--directory", directory, ...flags(options)];
  if (options.foreground) return inForeground(cli, command);
  const line = openLiveLine(cli.terminal);
  if (cli.terminal.isLive) line.show("starting (a new database takes some seconds) …");
  const { server, tookMs } = await inBackground(cli, directory, command).finally(() => line.clear());
  const { address, pid, fingerprint } = server;
  cli.terminal.answer({ ...server, directory }, () => {
    const certificate = fingerprint === null ? "" : `certificate ${fingerprint}\n`;
    return `server at ${address} (process ${pid}, ${(tookMs / 1000).toFixed(1)} s)\n${certificate}`;
  });
  if (options.directory !== undefined)
    cli.terminal.note(`to use it from now on: conifer login --directory ${options.directory}`);
}

function flags({ database, listen, takeOverLock }: Options): string[] {
  return [
    ...(database === undefined ? [] : ["--database", database]),
    ...(listen === undefined ? [] : ["--listen", listen]),
    ...(takeOverLock ? ["--take-over-lock"] : []),
  ];
}

async function inForeground(cli: Cli, command: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [...command], { stdio: "inherit", env: cli.env });
  // Ctrl-C reaches the server by itself, from the terminal; a SIGTERM to this process does not.
  cli.signal.addEventListener("abort", () => child.kill("SIGTERM"));
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (status) => resolve(status ?? 1));
  });
  cli.exitWith(code);
}

type Started = { readonly server: ServerFile; readonly tookMs: number };

async function inBackground(cli: Cli, directory: string, command: readonly string[]): Promise<Started> {
  const began = performance.now();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const log = join(directory, "server.out");
  const output = openSync(log, "w", 0o600);
  const child = spawn(process.execPath, [...command], {
    detached: true,
    stdio: ["ignore", output, output],
    env: cli.env,
    cwd: directory,
  });
  closeSync(output);
  let ended: string | null = null;
  child.once("error", (error) => {
    ended = error.message;
  });
  child.once("exit", (code, signal) => {
    ended = `it ended with ${signal ?? `code ${code}`}`;
  });
  for (;;) {
    const server = await answering(directory, child.pid);
    if (server) {
      child.unref();
      return { server, tookMs: performance.now() - began };
    }
    if (ended !== null) throw await failure(directory, log, ended);
    const isLate = performance.now() - began > START_LIMIT_SEC * 1000;
    if (cli.signal.aborted || isLate) child.kill("SIGTERM");
    if (cli.signal.aborted) throw cli.signal.reason;
    if (isLate) throw await failure(directory, log, `it did not answer within ${START_LIMIT_SEC} s`);
    await delay(LOOK_MS);
  }
}

/** What the server wrote down, once that very process answers there. */
async function answering(directory: string, pid: number | undefined): Promise<ServerFile | null> {
  const server = await readServerFile(directory);
  if (server?.pid !== pid) return null;
  const access = await readServerDirectory(directory);
  if (!server || !access) return null;
  await using client = openClient(access, { retries: 0 });
  const isUp = await client.call("health", { timeoutSec: 2 }).then(
    () => true,
    () => false,
  );
  return isUp ? server : null;
}

/** The server's own problem, where it wrote one as its last line; else how it ended, with that line. */
async function failure(directory: string, log: string, ended: string): Promise<ConiferError> {
  const lines = (await readFile(log, "utf8").catch(() => "")).trimEnd().split("\n");
  const problem = lines.map(readProblem).findLast((one) => one !== null);
  if (problem) return problem;
  const said = lines.findLast((line) => line.trim() !== "") ?? "";
  const what = `The server in ${directory}`;
  return new ConiferError("DID_NOT_START", { what, problem: said === "" ? ended : `${ended}: ${said}`, log });
}

function readProblem(line: string): ConiferError | null {
  try {
    const { code, values } = JSON.parse(line);
    return Object.hasOwn(ERRORS, code) ? new ConiferError(code as ErrorCode, values ?? {}) : null;
  } catch {
    return null;
  }
}
