import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshDatabase } from "../../../../test/setup/databases.ts";
import type { Database } from "../../database/index.ts";
import { type Plan, parseJobQuery, planQuery, readOrdering, TUNING } from "./plan.ts";
import { pageStatement, rareStatement, type Statement } from "./statements.ts";
import { readTerritory } from "./territory.ts";

const JOBS = 40_000;
let db: Database;

beforeAll(async () => {
  db = await freshDatabase();
  await db.exec(`
    INSERT INTO users (name) VALUES ('ann');
    INSERT INTO sites (owner_id, name, path) VALUES (1, 'here', '/h');
    INSERT INTO apps (site_id, name, definition) VALUES (1, 'md', '{}'), (1, 'mc', '{}');
    INSERT INTO jobs (site_id, app_id, name, workflow, workdir, tags, created)
      SELECT 1, 1 + n % 2, 'n' || n, 'w' || n % 10, 'd', jsonb_build_object('k', n % 7, 'b', n / 100), now() - interval '1 s' * (${JOBS} - n) FROM generate_series(1, ${JOBS}) n;
    INSERT INTO job_life (id, site_id, app_id, state, nodes, cores, gpus_milli, memory_mib, most_per_node, wall_sec)
      SELECT id, 1, app_id, (ARRAY['JOB_FINISHED', 'PREPROCESSED', 'FAILED'])[1 + id % 3]::job_state, 1, 1, 0, 0, 1, 0 FROM jobs;
    ANALYZE;`);
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

const plan = async (...where: string[]): Promise<Plan> =>
  planQuery(parseJobQuery(where, undefined, Date.now()), await readTerritory(db, 1));
const explain = async ({ sql, params }: Statement, settings = ""): Promise<string> =>
  db.transaction(async (tx) => {
    await tx.exec(`SET LOCAL plan_cache_mode = force_custom_plan; ${settings}`);
    const { rows } = await tx.query<Record<string, string>>(`EXPLAIN ${sql}`, params);
    return rows.map((row) => row["QUERY PLAN"]).join("\n");
  });
const page = (chosen: Plan, order = "id"): Statement =>
  pageStatement({ plan: chosen, ordering: readOrdering(order), after: null, limit: 101, window: null });

describe("the way to a page", () => {
  it.each([
    ["everything", [], "groups"],
    ["a state", ["state=FAILED"], "groups"],
    ["an app", ["app=md"], "groups"],
    ["a workflow", ["workflow=w3"], "workflow"],
    ["a workflow and a state", ["workflow=w3", "state=FAILED"], "groups"],
    ["a tag", ["tags.k=3"], "rare"],
    ["a time", ["created>-1m"], "rare"],
    ["ids", ["id=1,2", "state=FAILED"], "named"],
    ["a session", ["session=4"], "named"],
    ["children", ["parent=4"], "named"],
    ["an unknown app", ["app=none"], "nothing"],
  ])("is chosen for %s", async (_what, where, way) => {
    expect((await plan(...where)).way).toBe(way);
  });

  it.each([
    ["by id", [], "id"],
    ["newest first", [], "-id"],
    ["of a state", ["state=FAILED"], "id"],
    ["of an app", ["app=md"], "-id"],
    ["of a workflow", ["workflow=w3"], "-id"],
    ["of ids", ["id=5,6"], "id"],
    ["of a session", ["session=4"], "id"],
  ])("[B29] %s reads no table whole", async (_what, where, order) => {
    const text = await explain(page(await plan(...where), order));
    expect(text).toMatch(/Index (Only )?Scan/);
    expect(text).not.toMatch(/Seq Scan on (jobs|job_life)/);
  });

  it.each(["tags.b=17", "created>-1m"])("[B29] of what few have is found by its index: %s", async (filter) => {
    const text = await explain(rareStatement(await plan(filter), TUNING.shortWalk), "SET LOCAL enable_seqscan = off");
    expect(text).toMatch(/Bitmap Index Scan on jobs_(tags|created)/);
  });

  it("[B28] goes on after a page where it ended, whatever it walks", async () => {
    for (const where of [[], ["workflow=w3"], ["workflow=w3", "name~1"], ["tags.k=3"]]) {
      const chosen = await plan(...where);
      const walk: Plan = chosen.way === "rare" ? { ...chosen, way: "groups" } : chosen;
      const scope = {
        plan: walk,
        ordering: readOrdering("id"),
        after: [30_000],
        limit: 101,
        window: { first: 1, last: JOBS },
      };
      const text = await explain(pageStatement(scope));
      const ranges = text.split("\n").filter((line) => /Index Cond:.*id > '30000'/.test(line));
      expect(ranges.length, text).toBeGreaterThan(0);
      expect(text).not.toMatch(/Seq Scan on (jobs|job_life)/);
    }
  });

  it("goes in windows only where a walk may be long", async () => {
    expect((await plan("name~x")).windowed).toBe(true);
    expect((await plan("name~x", "state=FAILED")).windowed).toBe(false);
    expect((await plan()).windowed).toBe(false);
  });
});
