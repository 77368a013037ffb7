import type { Queryable } from "../database.ts";

/** What is to be done to one table, as VACUUM and ANALYZE would say it. */
type Chore = { table: string; vacuum: boolean; analyze: boolean };

/**
 * What autovacuum would pick, but in smaller steps, for each holds up the one connection: vacuuming new rows costs by
 * their number alone (100,000 take 0.1 s), dead ones and statistics also by the size of the table.
 */
const FIND_CHORES = `
  SELECT format('%I.%I', s.schemaname, s.relname) AS table,
         n_dead_tup > 500 + 0.1 * greatest(c.reltuples, 0) OR n_ins_since_vacuum > 20000 AS vacuum,
         n_mod_since_analyze > 500 + 0.1 * greatest(c.reltuples, 0) AS analyze
    FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
   ORDER BY n_dead_tup DESC`;

/** How much log was written since the last checkpoint. */
const WAL_SINCE_CHECKPOINT = "SELECT pg_current_wal_lsn() - redo_lsn AS bytes FROM pg_control_checkpoint()";
const CHECKPOINT_WAL_BYTES = 16 * 2 ** 20;

/** Does what is due, one statement at a time. VACUUM does not give space back to the disk: that would lock the table. */
export async function maintainTables(database: Queryable, run: (command: string) => Promise<void>): Promise<void> {
  const { rows } = await database.query<Chore>(FIND_CHORES);
  for (const { table, vacuum, analyze } of rows) {
    if (vacuum) await run(`VACUUM (TRUNCATE false) ${table}`);
    if (analyze) await run(`ANALYZE ${table}`);
  }
  const [wal] = (await database.query<{ bytes: number }>(WAL_SINCE_CHECKPOINT)).rows;
  if ((wal?.bytes ?? 0) > CHECKPOINT_WAL_BYTES) await run("CHECKPOINT");
}
