import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster } from "../src/server/database/postgres/cluster.ts";
import { findPostgres } from "../src/server/database/postgres/find-programs.ts";
import { otherUser } from "../test/setup/postgres.ts";

/** A database engine to measure on; `url` is undefined for the embedded one. */
export type Engine = AsyncDisposable & { readonly name: "pglite" | "postgres"; readonly url: string | undefined };

/** The embedded engine, and PostgreSQL with fsync on where its programs are installed. */
export async function availableEngines(): Promise<Engine[]> {
  const embedded: Engine = { name: "pglite", url: undefined, [Symbol.asyncDispose]: async () => undefined };
  const programs = await findPostgres().catch(() => null);
  if (programs === null) {
    console.error("bench: PostgreSQL is not installed here; its rows are left out");
    return [embedded];
  }
  const directory = mkdtempSync(join(tmpdir(), "conifer-bench-pg-"));
  const port = 20_000 + (process.pid % 20_000);
  const settings = { listen_addresses: "127.0.0.1", port: String(port), fsync: "on" };
  const cluster = await startCluster({ programs, directory, runAs: otherUser(), settings });
  const close = async (): Promise<void> => {
    await cluster[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  };
  const url = `postgres://conifer@127.0.0.1:${port}/postgres`;
  return [embedded, { name: "postgres", url, [Symbol.asyncDispose]: close }];
}
