import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSite, type TestServer, type TestUser, testServer } from "../../../../test/setup/server.ts";
import type { BodyInput } from "../../../client/wire/operations.ts";

let server: TestServer;
let ann: TestUser;
beforeAll(async () => {
  server = await testServer();
  ann = server.ann;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const explain = (id: number) => ann.call("jobExplain", { params: { id } });
const whole = async (id: number): Promise<string> => {
  const { summary, reasons, hints } = await explain(id);
  return [summary, ...reasons, ...hints].join("\n");
};
let count = 0;
/** A site of its own with a job, its agent alive unless told otherwise. */
async function job(
  item: Partial<BodyInput<"jobCreate">["jobs"][number]> = {},
  options: { agent?: boolean; hooks?: "preprocess"[] } = {},
) {
  count += 1;
  const site = await makeSite(ann, `site${count}`, [{ name: "md", command: "true", hooks: options.hooks ?? [] }]);
  if (options.agent !== false) await ann.call("siteHeartbeat", { params: { id: site }, body: { report: {} } });
  const { ids } = await ann.call("jobCreate", { body: { jobs: [{ app: "md", site, ...item }] } });
  return { site, id: ids[0] ?? 0 };
}
async function pilot(
  site: number,
  options: {
    cores?: number;
    gpus?: number;
    nodes?: number;
    filterTags?: Record<string, string>;
    wallTimeMin?: number;
  } = {},
) {
  const { cores = 8, gpus = 0, nodes = 1, filterTags = {}, wallTimeMin = 60 } = options;
  const batchJob = await ann.call("batchJobCreate", { body: { site, nodes, filterTags, wallTimeMin } });
  const started = new Date(server.clock.now).toISOString();
  await ann.call("batchJobUpdate", {
    body: { items: [{ id: batchJob.id, state: "queued", schedulerId: String(batchJob.id) }] },
  });
  await ann.call("batchJobUpdate", { body: { items: [{ id: batchJob.id, state: "running", started }] } });
  const session = await ann.call("sessionCreate", {
    body: { site, batchJob: batchJob.id, nodes, capacity: { cores, gpus, memoryBytes: 1e9 } },
  });
  return { batchJob: batchJob.id, session: session.id };
}
const acquire = (session: number) =>
  ann.call("sessionAcquire", {
    params: { id: session },
    body: { maxJobs: 10, free: { cores: 8, gpus: 0, memoryBytes: 1e9, wholeNodes: 1 }, wallTimeLeftMin: null },
  });

describe("explaining a job", () => {
  it("[B36] [B55] says that there is no batch job, and that the agent never ran", async () => {
    const { id } = await job({}, { agent: false });
    const { summary, reasons, hints } = await explain(id);
    expect(summary).toMatch(/^there is no batch job at site site\d+, so nothing can run it$/);
    expect(reasons).toEqual([expect.stringMatching(/^the agent of site site\d+ has never been started$/)]);
    expect(hints).toEqual([
      expect.stringContaining("conifer site start /tmp/site"),
      expect.stringContaining("conifer batch submit"),
    ]);
  });

  it("[B37] says that the agent is silent, and for how long", async () => {
    const { id } = await job();
    expect(await whole(id)).not.toMatch(/agent/);
    server.clock.now += 3 * 3600_000;
    expect(await whole(id)).toMatch(/the agent of site site\d+ was last heard 3h ago/);
  });

  it("[B46] names the batch job it waits for, and why another was not submitted", async () => {
    const { site, id } = await job();
    const failed = await ann.call("batchJobCreate", { body: { site } });
    await ann.call("batchJobUpdate", {
      body: { items: [{ id: failed.id, state: "submit_failed", reason: "invalid account" }] },
    });
    expect(await whole(id)).toMatch(/no batch job.*\nbatch job \d+ is submit failed: invalid account/);
    const queued = await ann.call("batchJobCreate", { body: { site } });
    await ann.call("batchJobUpdate", {
      body: { items: [{ id: queued.id, state: "queued", schedulerId: "7", reason: "Priority" }] },
    });
    const text = await whole(id);
    expect(text).toContain(`waits for batch job ${queued.id} to start`);
    expect(text).toContain(`batch job ${queued.id} is queued: Priority`);
  });

  it("says what each running pilot lacks", async () => {
    const { site, id } = await job({ ranksPerNode: 16, wallTimeMin: 30 });
    const small = await pilot(site, { cores: 8 });
    expect(await whole(id)).toContain(
      `pilot ${small.session} is too small: the job needs 16 cores on a node, a node has 8`,
    );
    const tagged = await pilot(site, { cores: 32, filterTags: { kind: "gpu" } });
    expect(await whole(id)).toContain(`pilot ${tagged.session} takes only jobs tagged kind=gpu`);
    const short = await pilot(site, { cores: 32, wallTimeMin: 20 });
    expect(await whole(id)).toContain(`pilot ${short.session} has 20m left, the job is expected to take 30m`);
    const { summary } = await explain(id);
    expect(summary).toBe("none of the 3 running pilots can run it");
    await pilot(site, { cores: 32 });
    expect((await explain(id)).summary).toBe("waits for free cores in a pilot");
  });

  it("tells how many go first, who holds it, and since when it runs", async () => {
    const { site, id: first } = await job();
    const { ids } = await ann.call("jobCreate", {
      body: {
        jobs: [
          { app: "md", site },
          { app: "md", site, priority: 5 },
        ],
      },
    });
    const { session, batchJob } = await pilot(site);
    expect((await explain(ids[0] ?? 0)).summary).toBe("waits for its turn behind 2 jobs");
    await acquire(session);
    expect((await explain(first)).summary).toBe(
      `a pilot of batch job ${batchJob} holds it and starts it when a slot is free`,
    );
    const items = [{ job: first, attempt: 1, state: "RUNNING" as const, at: server.clock.now, node: "nid0042" }];
    await ann.call("sessionReport", { params: { id: session }, body: { batch: 1, items } });
    server.clock.now += 90_000;
    expect((await explain(first)).summary).toBe(`runs since 1m 30s on nid0042 in batch job ${batchJob}, attempt 1`);
    await ann.call("jobKill", { body: { ids: [first] } });
    expect((await explain(first)).reasons).toContain("its user asked to kill it; the pilot has not answered yet");
  });

  it("of a failed one tells the exit code, the last lines of stderr and why it is not retried", async () => {
    const { site, id } = await job();
    const { session } = await pilot(site);
    await acquire(session);
    const base = { job: id, attempt: 1, at: server.clock.now };
    await ann.call("sessionReport", {
      params: { id: session },
      body: { batch: 1, items: [{ ...base, state: "RUNNING" }] },
    });
    await ann.call("sessionReport", {
      params: { id: session },
      body: {
        batch: 2,
        items: [{ ...base, state: "RUN_ERROR", failure: "error", exitCode: 3, stderrTail: "line 1\nout of cheese\n" }],
      },
    });
    const text = await whole(id);
    expect(text).toMatch(/^failed: .*error is not retried/);
    expect(text).toMatch(/attempt 1: exit code 3/);
    expect(text).toContain("out of cheese");
    expect(text).toContain(`conifer job retry ${id} runs it again`);
  });

  it("names the parents it waits for, and the one that failed it", async () => {
    const { site, id: parent } = await job();
    const { ids } = await ann.call("jobCreate", { body: { jobs: [{ app: "md", site, parents: [parent] }] } });
    const [child = 0] = ids;
    expect(await explain(child)).toMatchObject({
      summary: `waits for parent ${parent}`,
      reasons: [`parent ${parent} is PREPROCESSED; it has to finish`],
      hints: [`conifer job explain ${parent}`, `conifer job tree ${child}`],
    });
    await ann.call("jobKill", { body: { ids: [parent], reason: "wrong input" } });
    expect((await explain(child)).hints[0]).toBe(`conifer job explain ${parent}`);
    expect(await explain(parent)).toMatchObject({ summary: "killed by its user", reasons: ["wrong input"] });
  });

  it("[B40] says which hook it waits for, and when it runs", async () => {
    const { site, id } = await job({}, { hooks: ["preprocess"] });
    expect((await explain(id)).summary).toBe("waits for the site agent to run its preprocess hook");
    await ann.call("hooksAcquire", { params: { id: site }, body: { max: 1, leaseSec: 300 } });
    expect(await whole(id)).toMatch(/^its preprocess hook runs\nthe site agent took it; its time ends in 5m/);
  });

  it("[B5] names the transfers it waits for", async () => {
    const { id } = await job({
      transfers: [{ direction: "in", location: "store", remotePath: "/a/b", localPath: "b" }],
    });
    const { summary, reasons } = await explain(id);
    expect(summary).toBe("waits for stage-in: 1 transfer");
    expect(reasons[0]).toMatch(/^transfer \d+ \(store:\/a\/b\) is pending$/);
  });
});
