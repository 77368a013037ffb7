/** What a server writes down about itself in its directory, for clients and for the next server there. */
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { bootId } from "../platform/processes/identity.ts";

export type ServerFile = {
  readonly address: string;
  readonly pid: number;
  readonly host: string;
  readonly bootId: string;
  readonly fingerprint: string | null;
  readonly version: string;
  readonly startedAt: string;
};

const FILE = "server.json";
const PORT_FILE = "port";

/** Writes server.json (0600) for this process, and the port, so that the next run is found at the same address. */
export async function writeServerFile(
  directory: string,
  { address, fingerprint, version }: Pick<ServerFile, "address" | "fingerprint" | "version">,
): Promise<ServerFile> {
  const file: ServerFile = {
    address,
    pid: process.pid,
    host: hostname(),
    bootId: bootId(),
    fingerprint,
    version,
    startedAt: new Date().toISOString(),
  };
  await writePrivate(join(directory, FILE), `${JSON.stringify(file, null, 2)}\n`);
  await writePrivate(join(directory, PORT_FILE), `${new URL(address).port}\n`);
  return file;
}

/** Removes server.json where it is this process's. */
export async function removeServerFile(directory: string): Promise<void> {
  if ((await readServerFile(directory))?.pid === process.pid) await rm(join(directory, FILE), { force: true });
}

/** The port of the last run; null where there was none. */
export async function lastPort(directory: string): Promise<number | null> {
  const port = Number(await readText(join(directory, PORT_FILE)));
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
}

async function readServerFile(directory: string): Promise<ServerFile | null> {
  const text = await readText(join(directory, FILE));
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return null;
  }
}

async function writePrivate(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}
