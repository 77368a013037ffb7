import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSite, type TestServer, type TestUser, testServer } from "../../../test/setup/server.ts";
import { clearDeleted } from "../upkeep/index.ts";

let server: TestServer;
let ann: TestUser;
beforeAll(async () => {
  server = await testServer();
  ann = server.ann;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const rowsOf = async (table: string): Promise<number> =>
  (await server.db.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)).rows[0]?.n ?? 0;

describe("a site", () => {
  it("is registered once under a name, and renamed and moved", async () => {
    const site = await ann.call("siteCreate", { body: { name: "one", path: "/one", hostname: "login1" } });
    expect(site).toMatchObject({ name: "one", path: "/one", hostname: "login1", lastSeen: null, report: {} });
    expect((await ann.ask("siteCreate", { body: { name: "one", path: "/two" } })).problem.code).toBe("ALREADY_EXISTS");
    const moved = await ann.call("siteUpdate", { params: { id: site.id }, body: { path: "/moved" } });
    expect(moved).toMatchObject({ name: "one", path: "/moved", hostname: "login1" });
    await ann.call("siteUpdate", { params: { id: site.id }, body: { name: "uno" } });
    expect((await ann.call("siteList")).items.map(({ name }) => name)).toContain("uno");
    await ann.call("siteCreate", { body: { name: "one", path: "/one" } });
    expect((await ann.ask("siteUpdate", { params: { id: site.id }, body: { name: "one" } })).problem.code).toBe(
      "ALREADY_EXISTS",
    );
  });

  it("is made once however often the request is repeated", async () => {
    const body = { name: "again", path: "/again" };
    const [first, second] = await Promise.all(
      [1, 2].map(() => ann.call("siteCreate", { body, idempotencyKey: "again" })),
    );
    expect(second).toEqual(first);
  });

  it("is told alive by its agent, with how it fares", async () => {
    const id = await makeSite(ann, "alive", []);
    await ann.call("siteHeartbeat", {
      params: { id },
      body: { report: { modules: { batch: "ok" } }, hostname: "login2" },
    });
    expect(await ann.call("siteGet", { params: { id } })).toMatchObject({
      report: { modules: { batch: "ok" } }, hostname: "login2", lastSeen: "2026-11-20T12:00:00.000000Z",
    }); // biome-ignore format: a record
    expect((await ann.ask("siteHeartbeat", { params: { id: 999_999 }, body: { report: {} } })).status).toBe(404);
  });

  it("that is removed is gone at once with its apps, jobs and sessions; its rows go in the background and free its children", async () => {
    const gone = await makeSite(ann, "gone", [{ name: "going", command: "true" }]);
    const stays = await makeSite(ann, "stays", [{ name: "staying", command: "true" }]);
    const { ids } = await ann.call("jobCreate", {
      body: { jobs: Array.from({ length: 2_500 }, () => ({ app: "going" })) },
    });
    const { ids: children } = await ann.call("jobCreate", {
      body: { jobs: [{ app: "staying", parents: [ids[0] ?? 0] }] },
    });
    const session = await ann.call("sessionCreate", {
      body: { site: gone, nodes: 1, capacity: { cores: 1, gpus: 0, memoryBytes: 0 } },
    });
    await ann.call("batchJobCreate", { body: { site: gone } });
    await ann.call("siteDelete", { params: { id: gone } });
    expect((await ann.ask("siteGet", { params: { id: gone } })).status).toBe(404);
    expect((await ann.ask("jobGet", { params: { id: ids[5] ?? 0 } })).status).toBe(404);
    expect((await ann.call("jobCounts")).total).toBe(1);
    expect((await ann.call("appList", { query: {} })).items.map(({ name }) => name)).not.toContain("going");
    expect((await ann.ask("sessionHeartbeat", { params: { id: session.id }, body: {} })).status).toBeGreaterThanOrEqual(
      404,
    );
    await clearDeleted(server.services, new AbortController().signal);
    expect(await rowsOf("jobs")).toBe(1);
    expect(await rowsOf("job_life")).toBe(1);
    expect(await rowsOf(`sites WHERE id = ${gone}`)).toBe(0);
    expect(await rowsOf(`job_events WHERE job_id <> ${children[0]}`)).toBe(0);
    expect(await ann.call("jobGet", { params: { id: children[0] ?? 0 } })).toMatchObject({
      state: "FAILED",
      siteId: stays,
    });
    await ann.call("siteCreate", { body: { name: "gone", path: "/gone" } });
  });
});

describe("apps", () => {
  it("are synced: made, changed under a growing version, and pruned where they have no jobs", async () => {
    const site = await makeSite(ann, "apps", [
      { name: "a", command: "a {{x}}" },
      { name: "b", command: "b" },
      { name: "c", command: "c" },
    ]);
    await ann.call("jobCreate", { body: { jobs: [{ app: "b", site }] } });
    const answer = await ann.call("appSync", {
      body: {
        site: "apps",
        prune: true,
        apps: [
          { name: "a", command: "a {{y}}" },
          { name: "d", command: "d" },
        ],
      },
    });
    expect(answer).toMatchObject({ created: 1, updated: 1, removed: 1 });
    expect(answer.items.map(({ name, version }) => `${name} ${version}`)).toEqual(["a 2", "b 1", "d 1"]);
    expect(answer.items[0]?.parameters).toEqual({ y: { type: "any", help: "" } });
    const again = await ann.call("appSync", { body: { site, apps: [{ name: "a", command: "a {{y}}" }] } });
    expect(again).toMatchObject({ created: 0, updated: 0, removed: 0 });
  });

  it.each([
    [[{ name: "x", command: "{{a" }], "BAD_TEMPLATE"],
    [[{ name: "x", command: "{{a b}}" }], "BAD_TEMPLATE"],
    [[{ name: "x y", command: "x" }], "BAD_INPUT"],
    [
      [
        { name: "x", command: "x" },
        { name: "x", command: "y" },
      ],
      "BAD_INPUT",
    ],
    [[{ name: "x", command: "x", outputs: ["../../y"] }], "BAD_INPUT"],
    [[{ name: "x", command: "x", environment: { "A=B": "c" } }], "BAD_INPUT"],
  ])("that do not read are refused, none stored: %j", async (apps, code) => {
    const { status, problem } = await ann.ask("appSync", {
      body: { site: "apps", apps: [{ name: "fine", command: "fine" }, ...apps] },
    });
    expect(status).toBe(422);
    expect(problem.code).toBe(code);
    expect(problem.detail).toMatch(/apps\[[12]\]/);
    expect((await ann.call("appList", { query: { name: "fine" } })).items).toEqual([]);
  });

  it("are removed with their jobs, but not while a pilot holds some", async () => {
    const site = await makeSite(ann, "held", [{ name: "app", command: "true" }]);
    await ann.call("jobCreate", { body: { jobs: [{ app: "app", site }] } });
    const [app] = (await ann.call("appList", { query: { site: "held" } })).items;
    const capacity = { cores: 1, gpus: 0, memoryBytes: 0 };
    const { id } = await ann.call("sessionCreate", { body: { site, nodes: 1, capacity } });
    await ann.call("sessionAcquire", {
      params: { id },
      body: { maxJobs: 1, free: { ...capacity, wholeNodes: 1 }, wallTimeLeftMin: null },
    });
    const { problem } = await ann.ask("appDelete", { params: { id: app?.id ?? 0 } });
    expect(problem.detail).toBe("App app: pilots hold 1 of its jobs; kill them first");
    await ann.call("sessionEnd", { params: { id }, query: {} });
    await ann.call("appDelete", { params: { id: app?.id ?? 0 } });
    expect((await ann.call("jobCounts", { query: { where: ["site=held"] } })).total).toBe(0);
    expect((await ann.ask("jobCreate", { body: { jobs: [{ app: "app", site }] } })).status).toBe(422);
  });
});
