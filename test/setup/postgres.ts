import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../../src/server/database/index.ts";
import { startCluster } from "../../src/server/database/postgres/cluster.ts";
import { findPostgres } from "../../src/server/database/postgres/find-programs.ts";

/** Where test processes find the URL of the PostgreSQL that global setup started. */
export const URL_VARIABLE = "CONIFER_TEST_POSTGRES_URL";

/** A PostgreSQL that is gone after the tests, with everything in it. */
export type ThrowAwayPostgres = AsyncDisposable & {
  /** Its superuser's, with a password, over TCP. */
  readonly url: string;
  readonly port: number;
  readonly password: string;
  /** A place and an account for further clusters. */
  readonly directory: string;
};

const PASSWORD = "a-secret/of:tests";

/** Starts a PostgreSQL on a free port of the loopback, as another user where this one is root. */
export async function startThrowAwayPostgres(): Promise<ThrowAwayPostgres> {
  const directory = await mkdtemp(join(tmpdir(), "conifer-postgres-"));
  const port = await freePort();
  const settings = { listen_addresses: "127.0.0.1", port: String(port), max_connections: "200", fsync: "off" };
  const cluster = await startCluster({ programs: await findPostgres(), directory, runAs: otherUser(), settings });
  const close = async (): Promise<void> => {
    await cluster[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await requirePassword(port, join(directory, "data/pg_hba.conf"));
  } catch (error) {
    await close();
    throw error;
  }
  const url = `postgres://conifer:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/postgres`;
  return { url, port, password: PASSWORD, directory, [Symbol.asyncDispose]: close };
}

/** The account to run PostgreSQL as, which refuses root; undefined for the own one. */
export function otherUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const name = ["postgres", "nobody"].find((user) => idOf("-u", user) !== undefined) ?? "nobody";
  return { uid: idOf("-u", name) ?? 65534, gid: idOf("-g", name) ?? 65534 };
}

function idOf(flag: string, user: string): number | undefined {
  try {
    return Number(execFileSync("id", [flag, user], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  } catch {
    return undefined;
  }
}

async function requirePassword(port: number, hbaFile: string): Promise<void> {
  await using db = await openDatabase({ kind: "postgres", url: `postgres://conifer@127.0.0.1:${port}/postgres` });
  await db.exec(`ALTER ROLE conifer PASSWORD '${PASSWORD}'`);
  await writeFile(hbaFile, "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n");
  await db.query("SELECT pg_reload_conf()");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
