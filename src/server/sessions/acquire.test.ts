import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../../test/setup/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

describe("acquiring jobs", () => {
  it("[B43] hands out by priority, then age, with all that a pilot must know", async () => {
    const site = await server.site();
    await site.app({ name: "app", command: "run {{x}}", parameters: { x: { type: "number" } } });
    const [low, high, older] = await site.create(
      { name: "low", parameters: { x: 1 }, priority: -1 },
      {
        name: "high",
        parameters: { x: 2 },
        priority: 5,
        environment: { A: "b" },
        ranksPerNode: 2,
        limitSec: 9,
        workflow: "w",
      },
      { name: "older", parameters: { x: 3 } },
    );
    const pilot = await site.pilot();
    const { offers, apps, commands } = await pilot.acquire();
    expect(offers.map(({ job }) => job)).toEqual([high, older, low]);
    expect(offers[0]).toMatchObject({
      attempt: 1,
      name: "high",
      workflow: "w",
      workdir: `w/high_${high}`,
      parameters: { x: 2 },
      environment: { A: "b" },
      ranksPerNode: 2,
      limitSec: 9,
      inputs: [],
      wide: false,
    });
    expect(apps).toMatchObject([
      { id: offers[0]?.appId, version: offers[0]?.appVersion, name: "app", command: "run {{x}}" },
    ]);
    expect(commands).toEqual({ kill: [], giveBack: 0, retire: null });
  });

  it("sends no app definition that the pilot has", async () => {
    const site = await server.site();
    await site.create({}, {});
    const pilot = await site.pilot();
    const [app] = (await pilot.acquire({ maxJobs: 1 })).apps;
    expect((await pilot.acquire({ maxJobs: 1, knownApps: [`${app?.id}:${app?.version}`] })).apps).toEqual([]);
  });

  it("hands no job to two pilots, and none twice to one", async () => {
    const site = await server.site();
    const ids = await site.create(...Array.from({ length: 60 }, () => ({})));
    const pilots = await Promise.all(Array.from({ length: 6 }, () => site.pilot({ cores: 10 })));
    const taken = (await Promise.all([...pilots, ...pilots].map((pilot) => pilot.take({ maxJobs: 10 })))).flat();
    expect(taken.sort((a, b) => a - b)).toEqual(ids);
  });

  it("leaves alone what can never run there: nodes, cores, GPUs, memory", async () => {
    const site = await server.site();
    const GiB = 2 ** 30;
    const [fits] = await site.create(
      { ranksPerNode: 4, gpusPerRank: 0.25, memoryPerNodeBytes: GiB },
      { nodes: 2 },
      { ranksPerNode: 5 },
      { gpusPerRank: 1.5 },
      { memoryPerNodeBytes: GiB + 1 },
    );
    const pilot = await site.pilot({ cores: 4, gpus: 1, memoryBytes: GiB });
    expect(await pilot.take({ wantWide: true })).toEqual([fits]);
  });

  it("fits what is just as large as the node, however it is written", async () => {
    const site = await server.site();
    const ids = await site.create({ ranksPerNode: 3, gpusPerRank: 0.1, memoryPerNodeBytes: 1_000_000_000 });
    const pilot = await site.pilot({ gpus: 0.3, memoryBytes: 1_000_000_000 });
    expect(await pilot.take()).toEqual(ids);
  });

  it("[B4] hands out nothing when no time is left, and nothing that would take longer than what is", async () => {
    const site = await server.site();
    const [unknown, short, long] = await site.create({}, { wallTimeMin: 10 }, { wallTimeMin: 10.5 });
    const pilot = await site.pilot();
    expect(await pilot.take({ wallTimeLeftMin: 0 })).toEqual([]);
    expect(await pilot.take({ wallTimeLeftMin: 10 })).toEqual([unknown, short]);
    expect(await pilot.take({ wallTimeLeftMin: null })).toEqual([long]);
  });

  it("takes only jobs with all the tags, and of the apps, that it is asked for", async () => {
    const site = await server.site();
    await site.app({ name: "other", command: "true" });
    const [both, , , other] = await site.create(
      { tags: { a: "1", b: "2" } },
      { tags: { a: "1" } },
      {},
      { app: "other", tags: { a: "1", b: "2" } },
    );
    const pilot = await site.pilot();
    expect(await pilot.take({ tags: { a: "1", b: "2" }, apps: ["app"] })).toEqual([both]);
    expect(await pilot.take({ apps: ["other"] })).toEqual([other]);
    expect(await pilot.take({ apps: ["nothing"] })).toEqual([]);
  });

  it("[B19] a job too big for now does not block those behind it", async () => {
    const site = await server.site();
    const [big, small] = await site.create({ ranksPerNode: 4, priority: 9 }, {});
    const pilot = await site.pilot({ cores: 4 });
    const busy = { cores: 1, gpus: 0, memoryBytes: 0, wholeNodes: 0 };
    expect(await pilot.take({ free: busy })).toEqual([small]);
    expect(await pilot.take()).toEqual([big]);
  });

  it("[B19] sees behind a wall of 20,000 jobs that do not fit what is free", async () => {
    const site = await server.site();
    const wall = Array.from({ length: 20_000 }, () => ({ ranksPerNode: 4 }));
    await site.create(...wall);
    const [behind] = await site.create({ priority: -5 });
    const pilot = await site.pilot({ cores: 4 });
    const busy = { cores: 3, gpus: 0, memoryBytes: 0, wholeNodes: 0 };
    expect(await pilot.take({ free: busy })).toEqual([behind]);
  });

  it("[B19] sees behind a wall of jobs of other tags, whatever their priority", async () => {
    const site = await server.site();
    await site.create(...Array.from({ length: 45_000 }, (_, n) => ({ tags: { wall: "1" }, priority: n % 2 })));
    const [behind, ahead] = await site.create(
      { tags: { rare: "1" }, priority: -3 },
      { tags: { rare: "1" }, priority: 1 },
    );
    const pilot = await site.pilot({ cores: 4 });
    expect(await pilot.take({ tags: { rare: "1" } })).toEqual([ahead, behind]);
  });

  it("hands out the one wide job by tags, too, when it comes first of those", async () => {
    const site = await server.site();
    const tags = { a: "1" };
    const [small, , wide] = await site.create({ tags, priority: 2 }, { nodes: 2, priority: 2 }, { tags, nodes: 2 });
    const pilot = await site.pilot({ nodes: 3, cores: 2 });
    const partly = { cores: 3, gpus: 0, memoryBytes: 0, wholeNodes: 1 };
    const { offers } = await pilot.acquire({ free: partly, tags, wantWide: true });
    expect(offers.map(({ job, wide: isWide }) => [job, isWide])).toEqual([
      [small, false],
      [wide, true],
    ]);
  });

  it("takes on beyond the first page while there is room for smaller jobs", async () => {
    const site = await server.site();
    // Each page has one that fits and many that no longer do.
    const ids = await site.create(...[3, 3, 3, 2, 2, 2, 1, 1].map((ranksPerNode) => ({ ranksPerNode })));
    const pilot = await site.pilot({ cores: 7 });
    const taken = await pilot.take({ maxJobs: 3 });
    expect(taken).toEqual([ids[0], ids[1], ids[6]]);
  });

  it("hands out one job too wide for what is free, only when asked and when it comes first", async () => {
    const site = await server.site();
    const [small, wide, wider] = await site.create({ priority: 2 }, { nodes: 2, priority: 1 }, { nodes: 3 });
    const pilot = await site.pilot({ nodes: 3, cores: 2 });
    const partly = { cores: 3, gpus: 0, memoryBytes: 0, wholeNodes: 1 };
    expect(await pilot.take({ free: partly, maxJobs: 0, wantWide: true })).toEqual([]);
    const { offers } = await pilot.acquire({ free: partly, wantWide: true });
    expect(offers.map(({ job, wide: isWide }) => [job, isWide])).toEqual([
      [small, false],
      [wide, true],
    ]);
    expect(await pilot.take({ free: partly })).toEqual([]);
    expect((await pilot.acquire({ free: partly, wantWide: true })).offers).toMatchObject([{ job: wider, wide: true }]);
  });

  it("tells a child where its parents' files are", async () => {
    const site = await server.site();
    const { ids } = await site.call("jobCreate", {
      body: {
        jobs: [
          { key: "p", app: "app", site: site.id, workdir: "grid" },
          { app: "app", site: site.id, parents: ["p"], inputs: [{ from: "p", files: ["grid.json"], mode: "copy" }] },
        ],
      },
    });
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers);
    const { offers } = await pilot.acquire();
    expect(offers).toMatchObject([
      { job: ids[1], inputs: [{ fromWorkdir: "grid", files: ["grid.json"], mode: "copy" }] },
    ]);
  });

  it("offers again, to the session that holds them, the jobs of an answer that was lost", async () => {
    const site = await server.site();
    const [heard, unheard] = await site.create({}, {});
    const pilot = await site.pilot();
    await pilot.acquire();
    const { offers } = await pilot.acquire({ resume: [heard ?? 0], maxJobs: 0 });
    expect(offers.map(({ job, attempt }) => [job, attempt])).toEqual([[unheard, 1]]);
  });

  it("[B7] links each job to the batch job its pilot runs in", async () => {
    const site = await server.site();
    const batchJob = await site.call("batchJobCreate", { body: { site: site.id } });
    const [job] = await site.create({});
    const pilot = await site.pilot({ batchJob: batchJob.id });
    await pilot.take();
    expect(await site.job(job ?? 0)).toMatchObject({ batchJobId: batchJob.id, sessionId: pilot.id });
  });

  it("[B9] refuses a session in a batch job that is not there, or of another site, by name", async () => {
    const [site, other] = [await server.site(), await server.site()];
    const { id } = await other.call("batchJobCreate", { body: { site: other.id } });
    await expect(site.pilot({ batchJob: 99_999 })).rejects.toMatchObject({ code: "BAD_INPUT" });
    await expect(site.pilot({ batchJob: id })).rejects.toMatchObject({ code: "BAD_INPUT" });
  });
});

describe("waiting for jobs", () => {
  it("[B20] wakes the moment a job is made", async () => {
    const site = await server.site();
    const pilot = await site.pilot();
    const waiting = pilot.acquire({ waitSec: 60 });
    const [job] = await site.create({});
    const began = performance.now();
    expect((await waiting).offers.map((offer) => offer.job)).toEqual([job]);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it("wakes when a parent's end makes a child runnable, and when a job comes back", async () => {
    const site = await server.site();
    const [parent] = await site.create({});
    const [child] = await site.create({ parents: [parent ?? 0] });
    const [first, second] = [await site.pilot(), await site.pilot()];
    const { offers } = await first.acquire();
    const waiting = second.acquire({ waitSec: 60 });
    await first.run(offers);
    expect((await waiting).offers.map(({ job }) => job)).toEqual([child]);
    const again = first.acquire({ waitSec: 60 });
    await second.release(child ?? 0);
    expect((await again).offers.map(({ job }) => job)).toEqual([child]);
  });

  it("answers with none when the time is over, and at once when it is told to leave", async () => {
    const site = await server.site();
    const batchJob = await site.call("batchJobCreate", { body: { site: site.id } });
    await site.call("batchJobUpdate", { body: { items: [{ id: batchJob.id, state: "running" }] } });
    const pilot = await site.pilot({ batchJob: batchJob.id });
    expect((await pilot.acquire({ waitSec: 0.05 })).offers).toEqual([]);
    const waiting = pilot.acquire({ waitSec: 60 });
    await site.call("batchJobCancel", { params: { id: batchJob.id }, body: {} });
    expect((await waiting).commands.retire).toContain("pending_deletion");
  });

  it("keeps a job from the pilot that says it can never run it, and the job tells why", async () => {
    const site = await server.site();
    const [job, next] = await site.create({ gpusPerRank: 0.6, ranksPerNode: 3 }, { tags: { kind: "next" } });
    const pilot = await site.pilot({ gpus: 2 });
    expect(await pilot.take()).toEqual([job, next]);
    const why = "no node of this pilot can hold it";
    const jobs = [job ?? 0, next ?? 0];
    const body = { jobs, never: [{ job: job ?? 0, why }] };
    expect(await site.call("sessionRelease", { params: { id: pilot.id }, body })).toEqual({ released: 2 });
    expect(await pilot.take({ tags: { kind: "next" } })).toEqual([next]);
    await pilot.release(next ?? 0);
    expect(await pilot.take({ wantWide: true })).toEqual([next]);
    const explained = await site.call("jobExplain", { params: { id: job ?? 0 } });
    expect(explained.reasons).toContain(`handed back by session ${pilot.id}: ${why}`);
    const other = await site.pilot({ gpus: 4 });
    expect(await other.take()).toEqual([job]);
  });

  it("answers at once with a kill, but only the first time, while the job takes long to die", async () => {
    const site = await server.site();
    const [dying, again] = await site.create({}, {});
    const pilot = await site.pilot();
    const { offers } = await pilot.acquire();
    await pilot.report(...offers.map(({ job }) => ({ job, state: "RUNNING" as const })));
    await site.call("jobKill", { body: { ids: [dying ?? 0] } });
    expect((await pilot.acquire({ waitSec: 60 })).commands.kill).toEqual([dying]);
    const waiting = pilot.acquire({ waitSec: 60 });
    await site.call("jobKill", { body: { ids: [again ?? 0] } });
    expect((await waiting).commands.kill).toEqual([dying, again]);
    const began = performance.now();
    expect((await pilot.acquire({ waitSec: 0.3 })).commands.kill).toEqual([dying, again]);
    expect(performance.now() - began).toBeGreaterThan(250);
    expect((await pilot.heartbeat()).commands.kill).toEqual([dying, again]);
  });

  it("locks nothing for a caller who hung up", async () => {
    const site = await server.site();
    const pilot = await site.pilot();
    const hangUp = new AbortController();
    const waiting = pilot.acquire({ waitSec: 60 }, hangUp.signal);
    await server.services.db.query("SELECT 1");
    hangUp.abort();
    await expect(waiting).rejects.toThrow();
    const [job] = await site.create({});
    const other = await site.pilot();
    expect((await other.acquire({ waitSec: 30 })).offers.map((offer) => offer.job)).toEqual([job]);
  });
});
