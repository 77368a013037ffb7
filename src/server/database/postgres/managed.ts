import { ConiferError } from "../../../model/errors.ts";
import type { Database } from "../database.ts";
import { lockDirectory } from "../lock/directory-lock.ts";
import type { DatabaseOptions } from "../options.ts";
import { startCluster } from "./cluster.ts";
import { findPostgres } from "./find-programs.ts";
import { PostgresDatabase } from "./postgres-database.ts";

/**
 * Runs the PostgreSQL found on this machine in a directory of its own, as this user and for this process alone. It stops
 * with the database's disposal, and by itself when this process ends.
 */
export async function openManaged(options: Extract<DatabaseOptions, { kind: "managed" }>): Promise<Database> {
  const { directory, takeOverLock = false, runAs } = options;
  const programs = await findPostgres();
  const lock = await lockDirectory(directory, { takeOver: takeOverLock });
  const close = [lock.release];
  const closeAll = async (): Promise<void> => {
    for (const step of close.splice(0).reverse()) await step();
  };
  try {
    const cluster = await startCluster({ programs, directory, runAs });
    close.push(() => Promise.resolve(cluster[Symbol.asyncDispose]()));
    const config = { host: cluster.socketDirectory, user: cluster.user, database: "postgres" };
    const gone = cluster.ended.then(() => goneError(directory));
    return await PostgresDatabase.connect({ config, place: directory }, { onClosed: closeAll, gone });
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Nobody minds when it ended because the database was closed. */
function goneError(directory: string): ConiferError {
  return new ConiferError("DATABASE_UNREACHABLE", {
    place: directory,
    problem: "its PostgreSQL ended; see postgres.log there",
  });
}
