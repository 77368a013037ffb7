/**
 * The server's only door to SQL, the same over the embedded PGlite and over PostgreSQL. What is stored, and the statements
 * that store it, live elsewhere; here are connections, values, transactions, durability and locks.
 */
import type { Database } from "./database.ts";
import { lockDirectory } from "./lock/directory-lock.ts";
import type { DatabaseOptions } from "./options.ts";
import { PgliteDatabase } from "./pglite/pglite-database.ts";
import { openManaged } from "./postgres/managed.ts";
import { PostgresDatabase } from "./postgres/postgres-database.ts";

export type { Database, Queryable, QueryResult, Transaction } from "./database.ts";
export { constraintOf, sqlStateOf } from "./failures.ts";
export { type Migration, migrate } from "./migrate.ts";
export { type DatabaseOptions, parseDatabaseOption } from "./options.ts";

/** Opens a database, making an embedded or managed one when it does not exist yet. Its schema is `migrate`'s business. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  switch (options.kind) {
    case "pglite": {
      const { directory, takeOverLock = false, durable = true } = options;
      const lock = await lockDirectory(directory, { takeOver: takeOverLock });
      return PgliteDatabase.open({ directory, lock, durable });
    }
    case "postgres":
      return PostgresDatabase.open(options);
    case "managed":
      return openManaged(options);
  }
}
