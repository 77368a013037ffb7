import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer, type TestSite } from "../../../test/setup/test-server.ts";
import type { BodyInput } from "../../client/wire/operations.ts";
import { HOOK_NAMES } from "../../model/states.ts";
import type { RequestContext } from "../http/context.ts";
import { hookHandlers } from "./index.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

type Outcome = BodyInput<"hooksComplete">["outcomes"][number];
const id = (value: number | undefined): number => value ?? 0;

async function hookedSite(...hooks: (typeof HOOK_NAMES)[number][]): Promise<TestSite> {
  const site = await server.site();
  await site.app({
    name: "app",
    command: "true",
    parameters: { x: { default: 1 } },
    hooks: hooks.length > 0 ? hooks : [...HOOK_NAMES],
  });
  return site;
}
const take = async (site: TestSite, body: Partial<BodyInput<"hooksAcquire">> = {}) =>
  (await site.call("hooksAcquire", { params: { id: site.id }, body: { max: 100, ...body } })).tasks;
const complete = (site: TestSite, ...outcomes: Outcome[]) =>
  site.call("hooksComplete", { params: { id: site.id }, body: { outcomes } });

describe("hooks", () => {
  it("take a job through all its stages, each with its hook, in turn", async () => {
    const site = await hookedSite();
    const [job] = await site.create({ maxAttempts: 2, retryOn: ["error"] });
    const pilot = await site.pilot();
    const step = async (hook: Outcome["hook"], attempt: number): Promise<string | undefined> => {
      expect(await take(site)).toMatchObject([{ hook, job: { id: job, attempt } }]);
      expect(await complete(site, { job: id(job), attempt, hook })).toEqual({ applied: 1, repeated: 0, rejected: [] });
      return (await site.states(id(job)))[0];
    };
    expect(await step("preprocess", 0)).toBe("PREPROCESSED");
    await pilot.run((await pilot.acquire()).offers, { state: "RUN_ERROR", exitCode: 1 });
    expect(await step("onError", 1)).toBe("RESTART_READY");
    await pilot.run((await pilot.acquire()).offers, { state: "RUN_TIMEOUT" });
    expect(await take(site, { takeOver: true })).toMatchObject([{ hook: "onTimeout", failure: "timeout" }]);
    expect(
      await complete(site, {
        job: id(job),
        attempt: 2,
        hook: "onTimeout",
        state: "RESTART_READY",
        reason: "nearly there",
      }),
    ).toMatchObject({ applied: 1 });
    await pilot.run((await pilot.acquire()).offers);
    expect(await step("postprocess", 3)).toBe("JOB_FINISHED");
  });

  it("leave the end to the retry policy where they say nothing, with both reasons", async () => {
    const site = await hookedSite("onError");
    const [job] = await site.create({});
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers, { state: "RUN_ERROR", exitCode: 1 });
    expect(await site.states(id(job))).toEqual(["RUN_ERROR"]);
    await complete(site, { job: id(job), attempt: 1, hook: "onError", reason: "looked at it" });
    expect(await site.job(id(job))).toMatchObject({ state: "FAILED", reason: "looked at it; error is not retried" });
  });

  it("may call a failed run a success, or any stage a failure, and kill", async () => {
    const site = await hookedSite("onError", "preprocess");
    const [saved, refused, killed] = await site.create({ priority: 1 }, {}, {});
    const outcomes = (await take(site)).map(({ job, hook }) => ({
      job: job.id,
      attempt: 0,
      hook,
      state: job.id === saved ? null : job.id === refused ? ("FAILED" as const) : ("USER_KILLED" as const),
      reason: "as it was",
    }));
    await complete(site, ...outcomes);
    expect(await site.states(id(refused), id(killed))).toEqual(["FAILED", "USER_KILLED"]);
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers, { state: "RUN_ERROR" });
    await complete(site, { job: id(saved), attempt: 1, hook: "onError", state: "RUN_DONE" });
    expect(await site.states(id(saved))).toEqual(["JOB_FINISHED"]);
  });

  it("[B1] keep each job's own data, whatever the others in the same call set", async () => {
    const site = await hookedSite("postprocess");
    const ids = await site.create(
      ...Array.from({ length: 5 }, (_, n) => ({ data: { n, kept: true }, tags: { a: "b" } })),
    );
    const pilot = await site.pilot({ cores: 10 });
    await pilot.run((await pilot.acquire()).offers);
    const sets = [
      { data: { result: 1 } },
      { tags: { c: "d" } },
      { parameters: { x: 5 } },
      {},
      { data: { n: "new" }, tags: { a: "z" }, parameters: { x: 6 } },
    ];
    const outcomes = ids.map((job, index) => ({ job, attempt: 1, hook: "postprocess" as const, ...sets[index] }));
    expect(await complete(site, ...outcomes)).toMatchObject({ applied: 5 });
    const jobs = await Promise.all(ids.map((job) => site.job(job)));
    expect(jobs.map(({ data, tags, parameters }) => ({ data, tags, parameters }))).toEqual([
      { data: { n: 0, kept: true, result: 1 }, tags: { a: "b" }, parameters: {} },
      { data: { n: 1, kept: true }, tags: { a: "b", c: "d" }, parameters: {} },
      { data: { n: 2, kept: true }, tags: { a: "b" }, parameters: { x: 5 } },
      { data: { n: 3, kept: true }, tags: { a: "b" }, parameters: {} },
      { data: { n: "new", kept: true }, tags: { a: "z" }, parameters: { x: 6 } },
    ]);
  });

  it("make jobs once, however often their outcome is told", async () => {
    const site = await hookedSite("postprocess");
    const [job] = await site.create({});
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers);
    const outcome: Outcome = {
      job: id(job),
      attempt: 1,
      hook: "postprocess",
      data: { made: true },
      create: [
        { key: "a", app: "app", name: "made" },
        { app: "app", name: "made", parents: ["a", id(job)] },
      ],
    };
    expect(await complete(site, outcome)).toMatchObject({ applied: 1, repeated: 0 });
    expect(await complete(site, outcome)).toMatchObject({ applied: 0, repeated: 1, rejected: [] });
    const made = (await site.call("jobList", { query: { where: [`site=${site.name}`, "name=made"] } })).items;
    expect(made.map(({ state }) => state)).toEqual(["PREPROCESSED", "AWAITING_PARENTS"]);
    expect(await site.states(id(job))).toEqual(["JOB_FINISHED"]);
  });

  it("kill jobs of their user, held ones through their pilot, and nobody else's", async () => {
    const site = await hookedSite("preprocess");
    await site.app({ name: "plain", command: "true" });
    const [held, waiting] = await site.create({ app: "plain" }, { app: "plain", nodes: 9 });
    const pilot = await site.pilot();
    await pilot.acquire();
    const [job] = await site.create({});
    await take(site);
    await complete(site, { job: id(job), attempt: 0, hook: "preprocess", kill: [id(held), id(waiting), 999_999] });
    expect(await site.states(id(waiting), id(job))).toEqual(["USER_KILLED", "PREPROCESSED"]);
    expect((await pilot.heartbeat()).commands.kill).toEqual([held]);
    expect((await site.job(id(waiting))).reason).toBe(`killed by preprocess of job ${job}`);
  });

  it("that go wrong spoil nobody else's, and say what was wrong", async () => {
    const site = await hookedSite("preprocess");
    const [good, bad, worse, late] = await site.create({}, {}, {}, {});
    await take(site);
    const base = { attempt: 0, hook: "preprocess" as const };
    const answer = await complete(
      site,
      { ...base, job: id(good) },
      { ...base, job: id(bad), create: [{ app: "nonsense" }] },
      { ...base, job: id(worse), parameters: { y: 1 } },
      { ...base, job: id(late), attempt: 4 },
      { ...base, job: 999_999 },
    );
    expect(answer).toMatchObject({ applied: 1, repeated: 0 });
    expect(answer.rejected.map(({ job }) => job)).toEqual([bad, worse, late, 999_999]);
    expect(answer.rejected.map(({ why }) => why).join("\n")).toMatch(
      /no app "nonsense"[\s\S]*no parameter y[\s\S]*attempt 0 is the present one[\s\S]*no such job/,
    );
    expect(await site.states(id(good), id(bad), id(worse), id(late))).toEqual([
      "PREPROCESSED",
      "STAGED_IN",
      "STAGED_IN",
      "STAGED_IN",
    ]);
  });

  it("[B40] come back when their agent dies: after their lease, or at once to a new agent", async () => {
    const site = await hookedSite("preprocess");
    const [job] = await site.create({});
    expect(await take(site, { leaseSec: 30 })).toHaveLength(1);
    expect(await take(site)).toEqual([]);
    expect(await take(site, { takeOver: true, leaseSec: 30 })).toMatchObject([{ job: { id: job } }]);
    server.clocks.pass(31_000);
    expect(await take(site)).toMatchObject([{ job: { id: job } }]);
  });

  it("that an agent never heard of come at once when it says what it holds, those it holds never", async () => {
    const site = await hookedSite("preprocess");
    const [held, lost] = await site.create({}, {});
    expect(await take(site, { leaseSec: 30 })).toHaveLength(2);
    const holding = [{ job: id(held), attempt: 0, hook: "preprocess" as const }];
    expect(await take(site, { takeOver: true, holding, leaseSec: 30 })).toMatchObject([{ job: { id: lost } }]);
    expect(
      await take(site, { takeOver: true, holding: [{ job: id(lost), attempt: 0, hook: "preprocess" }] }),
    ).toMatchObject([{ job: { id: held } }]);
    server.clocks.pass(31_000);
    expect(await take(site, { holding })).toMatchObject([{ job: { id: lost } }]);
  });

  it("are not leased for an agent that has hung up", async () => {
    const site = await hookedSite("preprocess");
    const [job] = await site.create({});
    const { rows } = await server.db.query<{ id: number }>("SELECT owner_id AS id FROM sites WHERE id = $1", [site.id]);
    const context = { ...server.services, user: { id: rows[0]?.id }, signal: AbortSignal.abort() };
    const body = { max: 10, leaseSec: 600, waitSec: 0, takeOver: false, holding: [] };
    const request = { params: { id: site.id }, body } as unknown as Parameters<typeof hookHandlers.hooksAcquire>[1];
    expect(await hookHandlers.hooksAcquire(context as unknown as RequestContext, request)).toEqual({ tasks: [] });
    expect(await take(site)).toMatchObject([{ job: { id: job } }]);
  });

  it("wake a waiting agent when a job comes to them", async () => {
    const site = await hookedSite("postprocess");
    await site.create({});
    const waiting = take(site, { waitSec: 60 });
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers);
    expect(await waiting).toMatchObject([{ hook: "postprocess" }]);
  });

  it("run again for a job that is retried from its beginning", async () => {
    const site = await hookedSite("preprocess");
    const [job] = await site.create({});
    await take(site);
    await complete(site, { job: id(job), attempt: 0, hook: "preprocess", state: "FAILED", reason: "no input" });
    await site.call("jobRetry", { body: { ids: [id(job)] } });
    expect(await take(site)).toMatchObject([{ hook: "preprocess" }]);
    expect(await complete(site, { job: id(job), attempt: 0, hook: "preprocess" })).toMatchObject({ applied: 1 });
    expect(await site.states(id(job))).toEqual(["PREPROCESSED"]);
  });
});
