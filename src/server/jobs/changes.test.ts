import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSite, type TestServer, type TestUser, testServer } from "../../../test/setup/server.ts";
import type { BodyInput } from "../../client/wire/operations.ts";
import type { JobState } from "../../model/states.ts";

let server: TestServer;
let ann: TestUser;
let site: number;

beforeAll(async () => {
  server = await testServer();
  ann = server.ann;
  site = await makeSite(ann, "here", [
    { name: "md", command: "md {{steps}}", parameters: { steps: { type: "integer", default: 1 } } },
    { name: "hooked", command: "true", hooks: ["preprocess"] },
  ]);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const create = async (jobs: BodyInput<"jobCreate">["jobs"]): Promise<number[]> =>
  (await ann.call("jobCreate", { body: { jobs } })).ids;
const get = (id: number) => ann.call("jobGet", { params: { id } });
const stateOf = async (id: number): Promise<JobState> => (await get(id)).state;

/** A pilot with one job running, told by its ids. */
async function running(count = 1, workflow = ""): Promise<{ session: number; jobs: number[] }> {
  const ids = await create(Array.from({ length: count }, () => ({ app: "md", priority: 1000, workflow })));
  const capacity = { cores: 64, gpus: 0, memoryBytes: 1e12 };
  const session = await ann.call("sessionCreate", { body: { site, nodes: 1, capacity } });
  const { offers } = await ann.call("sessionAcquire", {
    params: { id: session.id },
    body: { maxJobs: count, free: { ...capacity, wholeNodes: 1 }, wallTimeLeftMin: null },
  });
  expect(offers.map((offer) => offer.job)).toEqual(ids);
  const items = ids.map((job) => ({ job, attempt: 1, state: "RUNNING" as const, at: server.clock.now }));
  await ann.call("sessionReport", { params: { id: session.id }, body: { batch: 1, items } });
  return { session: session.id, jobs: ids };
}

describe("killing jobs", () => {
  it("ends at once what no pilot holds, and fails what needed it", async () => {
    const [parent = 0, child = 0, any = 0] = await create([
      { app: "md", key: "p" },
      { app: "md", parents: ["p"] },
      { app: "md", parents: [{ job: "p", when: "any" }] },
    ]);
    expect(await ann.call("jobKill", { body: { ids: [parent], reason: "enough" } })).toEqual({
      matched: 1,
      changed: 1,
      left: [],
    });
    expect(await get(parent)).toMatchObject({ state: "USER_KILLED", reason: "enough" });
    expect(await get(child)).toMatchObject({
      state: "FAILED",
      reason: `parent ${parent} ended USER_KILLED; this job needs it to finish`,
    });
    expect(await stateOf(any)).toBe("PREPROCESSED");
  });

  it("[B6] asks the pilot to end what runs; the job is dead only when the pilot says so", async () => {
    const { session, jobs } = await running(2);
    expect(await ann.call("jobKill", { body: { ids: jobs } })).toEqual({ matched: 2, changed: 2, left: [] });
    expect(await get(jobs[0] ?? 0)).toMatchObject({ state: "RUNNING", killRequested: true });
    const { commands } = await ann.call("sessionHeartbeat", { params: { id: session }, body: {} });
    expect(commands.kill).toEqual(jobs);
    const items = jobs.map((job) => ({ job, attempt: 1, state: "USER_KILLED" as const, at: server.clock.now }));
    await ann.call("sessionReport", { params: { id: session }, body: { batch: 2, items } });
    expect(await stateOf(jobs[0] ?? 0)).toBe("USER_KILLED");
  });

  it("with all that depends on them kills the descendants too, each once, whatever the shape", async () => {
    const [top = 0, left = 0, right = 0, bottom = 0, aside = 0] = await create([
      { app: "md", key: "t" },
      { app: "md", key: "l", parents: ["t"] },
      { app: "md", key: "r", parents: [{ job: "t", when: "failed" }] },
      { app: "md", parents: ["l", "r"] },
      { app: "md" },
    ]);
    const answer = await ann.call("jobKill", { body: { ids: [top], recursive: true } });
    expect(answer).toEqual({ matched: 4, changed: 4, left: [] });
    for (const id of [top, left, right, bottom]) expect(await stateOf(id)).toBe("USER_KILLED");
    expect(await stateOf(aside)).toBe("PREPROCESSED");
  });

  it("leaves those that have ended, and says so", async () => {
    const ids = await create([{ app: "md" }, { app: "md" }]);
    await ann.call("jobKill", { body: { ids: ids.slice(0, 1) } });
    expect(await ann.call("jobKill", { body: { ids } })).toEqual({
      matched: 2,
      changed: 1,
      left: [{ reason: "ended already", count: 1 }],
    });
  });
});

describe("retrying jobs", () => {
  it("makes ended ones runnable again, leaves others with the reason", async () => {
    const [dead = 0, alive = 0] = await create([{ app: "md" }, { app: "md" }]);
    await ann.call("jobKill", { body: { ids: [dead] } });
    const answer = await ann.call("jobRetry", { body: { ids: [dead, alive] } });
    expect(answer).toEqual({ matched: 2, changed: 1, left: [{ reason: "PREPROCESSED has not ended", count: 1 }] });
    expect(["RESTART_READY", "PREPROCESSED"]).toContain(await stateOf(dead));
  });

  it("lets one that failed by its parent wait for the parent again", async () => {
    const [parent = 0, child = 0] = await create([
      { app: "md", key: "p" },
      { app: "md", parents: ["p"] },
    ]);
    await ann.call("jobKill", { body: { ids: [parent] } });
    expect(await stateOf(child)).toBe("FAILED");
    await ann.call("jobRetry", { body: { ids: [parent, child] } });
    expect(await stateOf(child)).toBe("AWAITING_PARENTS");
  });
});

describe("deleting jobs", () => {
  it("[B5] removes them with their events, and what waited for them does not wait for ever", async () => {
    const [parent = 0, ok = 0, any = 0] = await create([
      { app: "md", key: "p", workflow: "gone" },
      { app: "md", parents: ["p"] },
      { app: "md", parents: [{ job: "p", when: "any" }] },
    ]);
    expect(await ann.call("jobDelete", { body: { where: ["workflow=gone"] } })).toEqual({
      matched: 1,
      changed: 1,
      left: [],
    });
    expect((await ann.ask("jobGet", { params: { id: parent } })).status).toBe(404);
    expect((await ann.call("eventList", { query: { where: [`job=${parent}`] } })).items).toEqual([]);
    expect(await get(ok)).toMatchObject({
      state: "FAILED",
      reason: `parent ${parent} was deleted; this job needs it to finish`,
    });
    expect(await stateOf(any)).toBe("PREPROCESSED");
  });

  it("[B6] [B44] refuses what a pilot holds, counts it and says why", async () => {
    const { jobs } = await running(2, "busy");
    const [free = 0] = await create([{ app: "md", workflow: "busy" }]);
    const answer = await ann.call("jobDelete", { body: { where: ["workflow=busy"] } });
    expect(answer).toEqual({ matched: 3, changed: 1, left: [{ reason: "running: kill it first", count: 2 }] });
    expect((await ann.ask("jobGet", { params: { id: free } })).status).toBe(404);
    expect(await stateOf(jobs[0] ?? 0)).toBe("RUNNING");
  });
});

describe("changing jobs", () => {
  it("merges tags, data, parameters and environment and replaces the rest", async () => {
    const [id = 0] = await create([
      { app: "md", tags: { a: "1", b: "2" }, data: { x: 1 }, parameters: { steps: 2 }, environment: { E: "1" } },
    ]);
    const set = { tags: { b: "3", c: "4" }, data: { y: null }, parameters: { steps: 5 }, environment: { F: "2" }, name: "new", workflow: "w",
      priority: 9, nodes: 3, gpusPerRank: 0.5, memoryPerNodeBytes: 3e9, limitSec: 10, maxAttempts: 7, retryOn: ["error" as const], launchOptions: ["-x"] }; // biome-ignore format: a record
    expect(await ann.call("jobUpdate", { body: { ids: [id], set } })).toEqual({ matched: 1, changed: 1, left: [] });
    expect(await get(id)).toMatchObject({
      ...set,
      tags: { a: "1", b: "3", c: "4" },
      data: { x: 1, y: null },
      environment: { E: "1", F: "2" },
    });
    const { shapes } = await ann.call("siteDemand", { params: { id: site } });
    expect(shapes.some((shape) => shape.nodes === 3 && shape.gpusPerNode === 0.5)).toBe(true);
  });

  it("[B1] [B35] with fields that differ between requests loses none of them", async () => {
    const ids = await create([{ app: "md" }, { app: "md" }]);
    await Promise.all([
      ann.call("jobUpdate", { body: { ids, set: { data: { a: 1 } } } }),
      ann.call("jobUpdate", { body: { ids, set: { data: { b: 2 }, name: "both" } } }),
      ann.call("jobUpdate", { body: { ids, set: { priority: 4 } } }),
    ]);
    for (const id of ids) expect(await get(id)).toMatchObject({ data: { a: 1, b: 2 }, name: "both", priority: 4 });
  });

  it("refuses parameters that the app does not have, for all of the request", async () => {
    const [md = 0, hooked = 0] = await create([{ app: "md" }, { app: "hooked" }]);
    const { status, problem } = await ann.ask("jobUpdate", {
      body: { ids: [md, hooked], set: { parameters: { steps: 3 } } },
    });
    expect(status).toBe(422);
    expect(problem.detail).toBe(`job ${hooked}.parameters.steps: app hooked has no parameter steps`);
    expect((await get(md)).parameters).toEqual({});
  });

  it("does not let data grow without end by merging", async () => {
    const [id = 0] = await create([{ app: "md" }]);
    const grow = (key: string) =>
      ann.ask("jobUpdate", { body: { ids: [id], set: { data: { [key]: "x".repeat(900_000) } } } });
    expect((await grow("a")).status).toBe(200);
    expect((await grow("b")).status).toBe(200);
    expect((await grow("c")).problem.code).toBe("TOO_LARGE");
    expect(Object.keys((await get(id)).data)).toEqual(["a", "b"]);
  });
});

describe("what a change names", () => {
  it.each([
    [{}, /either "ids" or "where"/],
    [{ ids: [1], where: ["id=1"] }, /either "ids" or "where"/],
    [{ where: [] }, /where: expected at least 1 entries/],
    [{ where: ["stat=FAILED"] }, /there is no field stat/],
    [{ where: ["tags.k"] }, /not FIELD OP VALUE/],
    [{ where: [""] }, /not FIELD OP VALUE/],
  ])("[B8] is never everything by mistake: %j", async (body, problem) => {
    const before = (await ann.call("jobCounts")).counts;
    for (const name of ["jobDelete", "jobKill", "jobRetry"] as const) {
      const answer = await ann.ask(name, { body });
      expect(answer.status).toBe(422);
      expect(answer.problem.detail).toMatch(problem);
    }
    expect((await ann.ask("jobUpdate", { body: { ...body, set: { priority: 1 } } })).status).toBe(422);
    expect((await ann.ask("jobUpdate", { body: { where: ["id>0"], set: {} } })).status).toBe(422);
    expect((await ann.call("jobCounts")).counts).toEqual(before);
  });

  it("may be ids of which some are not there: they are counted", async () => {
    const [id = 0] = await create([{ app: "md" }]);
    expect(await ann.call("jobUpdate", { body: { ids: [id, id, 888_888], set: { priority: 1 } } })).toEqual({
      matched: 1, changed: 1, left: [{ reason: "there is no such job", count: 1 }],
    }); // biome-ignore format: a record
    expect((await ann.ask("jobKill", { body: { ids: [888_888] } })).problem.detail).toBe("There is no job 888888");
  });

  it("[B45] [B47] is found by the same filters as a list", async () => {
    await create([
      { app: "hooked", workflow: "alike", tags: { k: "v" } },
      { app: "md", workflow: "alike", priority: 3 },
    ]);
    for (const filter of ["app=hooked", "state=STAGED_IN", "tags.k=v", "priority>=3", "name~m", "site=here"]) {
      const where = ["workflow=alike", filter];
      const { total } = await ann.call("jobList", { query: { where, total: true } });
      expect(total).toBeGreaterThan(0);
      expect((await ann.call("jobUpdate", { body: { where, set: { data: { seen: true } } } })).matched).toBe(total);
      expect((await ann.call("jobKill", { body: { where } })).matched).toBe(filter.startsWith("state") ? 1 : total);
      await ann.call("jobDelete", { body: { where: ["workflow=alike"] } });
      await create([
        { app: "hooked", workflow: "alike", tags: { k: "v" } },
        { app: "md", workflow: "alike", priority: 3 },
      ]);
    }
  });

  it("may be tens of thousands of jobs, changed in batches", async () => {
    const ids = await create(Array.from({ length: 5_500 }, () => ({ app: "md", workflow: "many" })));
    const where = ["workflow=many"];
    expect(await ann.call("jobUpdate", { body: { where, set: { tags: { t: "x" } } } })).toMatchObject({
      matched: 5_500,
      changed: 5_500,
    });
    expect((await ann.call("jobCounts", { query: { where: ["tags.t=x"] } })).total).toBe(5_500);
    expect(await ann.call("jobKill", { body: { where } })).toMatchObject({ changed: 5_500 });
    expect(await ann.call("jobRetry", { body: { ids } })).toMatchObject({ changed: 5_500 });
    expect(await ann.call("jobDelete", { body: { where } })).toMatchObject({ changed: 5_500 });
    expect((await ann.call("jobCounts", { query: { where } })).total).toBe(0);
  });
});

describe("giving a job parents", () => {
  const depend = (id: number, parents: BodyInput<"jobDependencies">["parents"]) =>
    ann.ask("jobDependencies", { params: { id }, body: { parents } });

  it("makes one that has not started wait for them", async () => {
    const [a = 0, b = 0, c = 0] = await create([{ app: "md" }, { app: "md" }, { app: "md" }]);
    expect((await depend(c, [{ job: a }])).ok).toMatchObject({
      state: "AWAITING_PARENTS",
      parents: [{ job: a, when: "ok" }],
    });
    expect((await depend(c, [{ job: b, when: "any" }, { job: a }])).ok.parents).toHaveLength(2);
    await ann.call("jobKill", { body: { ids: [b] } });
    expect(await stateOf(c)).toBe("AWAITING_PARENTS");
    await ann.call("jobKill", { body: { ids: [a] } });
    expect(await stateOf(c)).toBe("FAILED");
  });

  it("counts a parent that has ended at once", async () => {
    const [dead = 0, a = 0, b = 0, c = 0] = await create([
      { app: "md" },
      { app: "md" },
      { app: "md" },
      { app: "md", parents: [] },
    ]);
    await ann.call("jobKill", { body: { ids: [dead] } });
    expect((await depend(a, [{ job: dead, when: "failed" }])).ok.state).toBe("PREPROCESSED");
    expect((await depend(b, [{ job: dead }, { job: c }])).ok).toMatchObject({
      state: "FAILED",
      reason: expect.stringContaining(`parent ${dead} ended USER_KILLED`),
    });
  });

  it("refuses cycles, naming them", async () => {
    const [a = 0, b = 0, c = 0] = await create([
      { app: "md", key: "a" },
      { app: "md", key: "b", parents: ["a"] },
      { app: "md", parents: ["b"] },
    ]);
    expect((await depend(a, [{ job: c }])).problem).toMatchObject({
      code: "DEPENDENCY_CYCLE",
      detail: expect.stringContaining(`${a} → ${b} → ${c} → ${a}`),
    });
    expect((await depend(a, [{ job: a }])).problem.code).toBe("DEPENDENCY_CYCLE");
    expect((await get(a)).parents).toEqual([]);
    expect(await stateOf(a)).toBe("PREPROCESSED");
  });

  it("refuses a job that has started, one that is not there, and another condition for the same parent", async () => {
    const { jobs } = await running();
    const [a = 0, b = 0] = await create([{ app: "md" }, { app: "md" }]);
    expect((await depend(jobs[0] ?? 0, [{ job: a }])).problem.code).toBe("WRONG_STATE");
    expect((await depend(b, [{ job: 777_777 }])).problem).toMatchObject({
      code: "PARENT_NOT_FOUND",
      detail: "parents[0].job: there is no parent job 777777",
    });
    await depend(b, [{ job: a }]);
    expect((await depend(b, [{ job: a, when: "any" }])).problem.code).toBe("CONFLICT");
  });

  it("from two sides at once never closes a cycle", async () => {
    const [a = 0, b = 0] = await create([{ app: "md" }, { app: "md" }]);
    const answers = await Promise.all([depend(a, [{ job: b }]), depend(b, [{ job: a }])]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 422]);
  });
});

describe("the relatives of a job", () => {
  it("are its ancestors and descendants, not their other relatives", async () => {
    const [top = 0, left = 0, right = 0, bottom = 0, below = 0] = await create([
      { app: "md", key: "t" },
      { app: "md", key: "l", parents: ["t"] },
      { app: "md", key: "r", parents: ["t"] },
      { app: "md", key: "b", parents: ["l", "r"] },
      { app: "md", parents: ["b"] },
    ]);
    const tree = await ann.call("jobTree", { params: { id: left } });
    expect(tree.jobs.map((job) => job.id)).toEqual([top, left, bottom, below]);
    expect(tree.truncated).toBe(false);
    expect((await ann.call("jobTree", { params: { id: bottom } })).jobs.map((job) => job.id)).toEqual([
      top,
      left,
      right,
      bottom,
      below,
    ]);
  });

  it("are cut where they are too many, and the job itself is always there", async () => {
    const ids = await create([
      { app: "md", key: "t" },
      ...Array.from({ length: 1_500 }, () => ({ app: "md", parents: ["t"] })),
    ]);
    const tree = await ann.call("jobTree", { params: { id: ids[0] ?? 0 } });
    expect(tree).toMatchObject({ truncated: true });
    expect(tree.jobs).toHaveLength(1000);
    expect(tree.jobs.map((job) => job.id)).toContain(ids[0]);
  });
});

describe("lists", () => {
  it("[B28] page through jobs that change meanwhile without one twice or left out", async () => {
    const ids = await create(
      Array.from({ length: 30 }, (_, index) => ({ app: "md", workflow: "paged", name: `p${index}` })),
    );
    const seen: number[] = [];
    let after: string | undefined;
    do {
      const page = await ann.call("jobList", {
        query: { where: ["workflow=paged"], limit: 7, ...(after ? { after } : {}), total: true },
      });
      expect(page.total).toBe(30);
      seen.push(...page.items.map((job) => job.id));
      await ann.call("jobKill", { body: { ids: ids.slice(seen.length, seen.length + 2) } });
      after = page.next ?? undefined;
    } while (after);
    expect(seen).toEqual(ids);
  });

  it("of no rows count only", async () => {
    const page = await ann.call("jobList", { query: { where: ["workflow=paged"], limit: 0, total: true } });
    expect(page).toEqual({ items: [], next: null, total: 30 });
  });

  it("of events go by their own filters", async () => {
    const [id = 0] = await create([{ app: "md" }]);
    await ann.call("jobKill", { body: { ids: [id] } });
    const list = async (...where: string[]) =>
      (await ann.call("eventList", { query: { where: [`job=${id}`, ...where] } })).items;
    expect((await list()).map(({ path }) => path.at(-1))).toEqual(["PREPROCESSED", "USER_KILLED"]);
    expect(await list("to=USER_KILLED")).toHaveLength(1);
    expect(await list("to!=USER_KILLED", "from=CREATED", "stale=false", "at<=2027-01-01", "attempt=0")).toHaveLength(1);
    const newest = await ann.call("eventList", { query: { order: "-id", limit: 2, total: true } });
    expect(newest.items[0]?.jobId).toBe(id);
    expect(newest.total).toBeGreaterThan(2);
    const second = await ann.call("eventList", { query: { order: "-id", limit: 2, after: newest.next ?? "" } });
    expect(second.items[0]?.id).toBeLessThan(newest.items[1]?.id ?? 0);
  });
});
