import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../../test/setup/test-server.ts";
import { foldTally } from "./fold-tally.ts";
import { forgetAnswers } from "./forget-answers.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ upkeep: false });
});
afterAll(() => server[Symbol.asyncDispose]());

const sums = async () =>
  (
    await server.db.query(
      "SELECT site_id, app_id, state, sum(n) AS n FROM job_tally GROUP BY 1, 2, 3 HAVING sum(n) <> 0 ORDER BY 1, 2, 3",
    )
  ).rows;
const rows = async () => (await server.db.query<{ n: number }>("SELECT count(*) AS n FROM job_tally")).rows[0]?.n;

describe("folding the tally", () => {
  it("changes no count, however often and whatever happens meanwhile, and leaves one row for each", async () => {
    const site = await server.site();
    for (let round = 0; round < 10; round += 1)
      await Promise.all(Array.from({ length: 30 }, () => site.create({}, {})));
    await server.db.query(
      "INSERT INTO job_tally (site_id, app_id, state, n) SELECT 999, 999, 'FAILED', 1 - 2 * (i % 2) FROM generate_series(0, 999) i",
    );
    const before = await sums();
    await foldTally(server.db);
    expect(await sums()).toEqual(before);
    expect(await rows()).toBe(before.length);
    await Promise.all([foldTally(server.db), site.create({}), foldTally(server.db)]);
    const counted = await server.db.query("SELECT count(*) AS n FROM job_life WHERE site_id = $1", [site.id]);
    const tallied = await server.db.query("SELECT sum(n) AS n FROM job_tally WHERE site_id = $1", [site.id]);
    expect(tallied.rows).toEqual(counted.rows);
  });

  it("leaves a short tally alone: summing it is as quick", async () => {
    const site = await server.site();
    await foldTally(server.db);
    await site.create({});
    await site.create({});
    const before = await rows();
    await foldTally(server.db);
    expect(await rows()).toBe(before);
  });
});

describe("idempotency keys", () => {
  it("are kept for a week, and then forgotten", async () => {
    const site = await server.site();
    const create = () =>
      site.call("jobCreate", { body: { jobs: [{ app: "app", site: site.id }] }, idempotencyKey: "once" });
    const { ids } = await create();
    await forgetAnswers(server.db, Date.now() + 6 * 86_400_000);
    expect((await create()).ids).toEqual(ids);
    await forgetAnswers(server.db, Date.now() + 8 * 86_400_000);
    expect((await create()).ids).not.toEqual(ids);
  });
});
