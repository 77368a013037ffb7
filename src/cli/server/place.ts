import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { bootId, identityOf } from "../../platform/processes/identity.ts";
import type { Cli } from "../cli.ts";

/** What a server wrote down about itself. */
export type ServerFile = {
  readonly address: string;
  readonly pid: number;
  readonly host: string;
  readonly bootId: string;
  readonly fingerprint: string | null;
  readonly version: string;
  readonly startedAt: string;
};

/** The directory of the server meant: --directory, or server/ in the user's Conifer directory. */
export const serverDirectory = (cli: Cli, directory: string | undefined): string =>
  directory === undefined ? join(cli.home, "server") : resolve(cli.cwd, directory);

/** server.json of a server's directory; null where none has run there, or it ended properly. */
export async function readServerFile(directory: string): Promise<ServerFile | null> {
  try {
    return JSON.parse(await readFile(join(directory, "server.json"), "utf8"));
  } catch {
    return null;
  }
}

/** Whether the process that wrote it still lives; null where it ran on another machine and cannot be looked at. */
export async function serverLives(server: ServerFile): Promise<boolean | null> {
  if (server.host !== hostname()) return null;
  return server.bootId === bootId() && (await isServer(server.pid));
}

/** Pids are used again, so the process must also be a server by its command line, where that can be read. */
async function isServer(pid: number): Promise<boolean> {
  if ((await identityOf(pid)) === null) return existsSync("/proc/self") ? false : answersSignal(pid);
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  return command.split("\0").some((word) => word.endsWith("server.js"));
}

function answersSignal(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
