import { ConiferError } from "../../model/errors.ts";
import type { Database, Queryable } from "./database.ts";

/** One step of the schema. Ids count up from 1 without gaps; an applied step is never changed. */
export type Migration = { readonly id: number; readonly name: string; readonly sql: string };

/** Held while a step is applied, so that several servers starting at once on one PostgreSQL take turns. */
const LOCK_KEY = 7_236_401_225;

const MAKE_TABLE = `
  CREATE TABLE IF NOT EXISTS schema_migrations (
    id integer PRIMARY KEY,
    name text NOT NULL,
    applied timestamptz NOT NULL DEFAULT now()
  )`;

/**
 * Brings the schema up to the last of `migrations`, each step in a transaction of its own. Returns the names of the steps
 * it applied. Throws DATABASE_NEWER when the database has a step that this program does not know.
 */
export async function migrate(db: Database, migrations: readonly Migration[]): Promise<string[]> {
  checkNumbers(migrations);
  const applied: string[] = [];
  for (const step of [undefined, ...migrations]) {
    const isNew = await db.transaction(async (tx) => {
      // A long step of another server is waited for, however long it takes.
      await tx.exec("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0");
      await tx.query("SELECT pg_advisory_xact_lock($1)", [LOCK_KEY]);
      if (step === undefined) await tx.exec(MAKE_TABLE);
      const version = await versionOf(tx);
      if (version > migrations.length) {
        throw new ConiferError("DATABASE_NEWER", { found: version, known: migrations.length });
      }
      if (step === undefined || step.id <= version) return false;
      await tx.exec(step.sql);
      await tx.query("INSERT INTO schema_migrations (id, name) VALUES ($1, $2)", [step.id, step.name]);
      return true;
    });
    if (isNew && step !== undefined) applied.push(step.name);
  }
  return applied;
}

async function versionOf(tx: Queryable): Promise<number> {
  const { rows } = await tx.query<{ version: number }>("SELECT coalesce(max(id), 0) AS version FROM schema_migrations");
  return rows[0]?.version ?? 0;
}

function checkNumbers(migrations: readonly Migration[]): void {
  const wrong = migrations.find(({ id }, index) => id !== index + 1);
  if (wrong === undefined) return;
  throw new ConiferError("INTERNAL", {
    problem: `migration ${wrong.name} has id ${wrong.id}: ids count up from 1 without gaps`,
  });
}
