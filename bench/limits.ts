import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../src/server/database/index.ts";
import type { Engine } from "./engines.ts";

/**
 * Rows a second that the engine itself takes, durably, by json_to_recordset in batches of 1,000 into the two tables that a
 * job is stored in and its event, without HTTP, validation or names to resolve: the most that creation could reach.
 */
export async function insertLimit(engine: Engine): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "conifer-bench-limit-"));
  try {
    await using db = await openDatabase(
      engine.url === undefined ? { kind: "pglite", directory } : { kind: "postgres", url: engine.url },
    );
    await db.exec(`
      CREATE TABLE IF NOT EXISTS limit_jobs (id bigint PRIMARY KEY, site_id bigint, app_id bigint, name text, workdir text, tags jsonb);
      CREATE TABLE IF NOT EXISTS limit_life (id bigint PRIMARY KEY, site_id bigint, app_id bigint, state text, priority integer);
      CREATE TABLE IF NOT EXISTS limit_events (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job_id bigint, at timestamptz, path text[]);
      CREATE INDEX IF NOT EXISTS limit_jobs_tags ON limit_jobs USING gin (tags jsonb_path_ops);
      CREATE INDEX IF NOT EXISTS limit_life_state ON limit_life (app_id, state, id);
      CREATE INDEX IF NOT EXISTS limit_events_job ON limit_events (job_id, id);
      TRUNCATE limit_jobs, limit_life, limit_events`);
    const insert = async (first: number) => {
      const rows = Array.from({ length: 1000 }, (_, index) => ({
        id: first + index,
        name: `job-${index}`,
        workdir: `true/job-${index}_${first + index}`,
        tags: { batch: String(first) },
        priority: index % 3,
      }));
      await db.query(
        `WITH given AS (SELECT * FROM json_to_recordset($1::json) AS g (id bigint, name text, workdir text, tags jsonb, priority integer)),
           a AS (INSERT INTO limit_jobs SELECT id, 1, 1, name, workdir, tags FROM given),
           b AS (INSERT INTO limit_life SELECT id, 1, 1, 'PREPROCESSED', priority FROM given)
         INSERT INTO limit_events (job_id, at, path) SELECT id, now(), '{READY,STAGED_IN,PREPROCESSED}' FROM given`,
        [JSON.stringify(rows)],
      );
    };
    for (let batch = 0; batch < 5; batch += 1) await insert(1 + batch * 1000);
    const began = performance.now();
    for (let batch = 5; batch < 35; batch += 1) await insert(1 + batch * 1000);
    const rate = 30_000 / ((performance.now() - began) / 1000);
    await db.exec("DROP TABLE limit_jobs, limit_life, limit_events");
    return rate;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
