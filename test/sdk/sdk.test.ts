import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openConifer } from "../../src/client/connect.ts";
import { openSdkLab, type SdkLab } from "./lab.ts";

let lab: SdkLab;
beforeAll(async () => {
  lab = await openSdkLab();
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

const sims = (count: number, workflow: string) =>
  Array.from({ length: count }, (_, n) => ({ app: "sim", workflow, name: `${workflow}-${n}`, parameters: { n } }));

describe("creating jobs", () => {
  test("answers handles in the order given, of one job or of many in several batches", async () => {
    const { jobs } = lab.conifer;
    const one = await jobs.create({ app: "sim", name: "single" });
    expect((await one.load()).name).toBe("single");
    const many = await jobs.create(sims(12_000, "many"));
    expect(many).toHaveLength(12_000);
    expect((await many[11_999]?.load())?.name).toBe("many-11999");
    expect(await jobs.filter({ workflow: "many" }).count()).toBe(12_000);
  });

  test("with the same key makes nothing twice", async () => {
    const { jobs } = lab.conifer;
    const first = await jobs.create(sims(6000, "once"), { idempotencyKey: "once-1" });
    const again = await jobs.create(sims(6000, "once"), { idempotencyKey: "once-1" });
    expect(again.map((job) => job.id)).toEqual(first.map((job) => job.id));
    expect(await jobs.filter({ workflow: "once" }).count()).toBe(6000);
    await expect(jobs.create(sims(2, "once"), { idempotencyKey: "once-1" })).rejects.toMatchObject({
      code: "IDEMPOTENCY_MISMATCH",
    });
  });

  test("links jobs by key within a call and by handle between calls", async () => {
    const { jobs } = lab.conifer;
    const [last, first] = await jobs.create([
      { app: "sim", workflow: "linked", parents: ["root"] },
      { app: "sim", workflow: "linked", key: "root" },
    ]);
    expect((await last?.load())?.parents).toEqual([{ job: first?.id, when: "ok" }]);
    const child = await jobs.create({ app: "other", workflow: "linked", parents: first ? [first] : [] });
    expect((await child.load()).parents).toEqual([{ job: first?.id, when: "ok" }]);
  });

  test("is refused as a whole with the item and field at fault", async () => {
    const bad = [...sims(3, "bad"), { app: "sim", workflow: "bad", parameters: { m: 1 } }];
    await expect(lab.conifer.jobs.create(bad)).rejects.toMatchObject({ code: "UNKNOWN_PARAMETER" });
    expect(await lab.conifer.jobs.filter({ workflow: "bad" }).count()).toBe(0);
  });

  test("from a source goes batch by batch", async () => {
    let held = 0;
    let most = 0;
    async function* source() {
      for (const job of sims(11_000, "streamed")) {
        held += 1;
        most = Math.max(most, held);
        yield job;
      }
    }
    const sizes: number[] = [];
    for await (const ids of lab.conifer.jobs.createEach(source())) {
      sizes.push(ids.length);
      held -= ids.length;
    }
    expect(sizes).toEqual([5000, 5000, 1000]);
    expect(most).toBe(5000);
  });
});

describe("a query", () => {
  test("chains filters, order and limit, and reads all pages", async () => {
    const { jobs } = lab.conifer;
    const made = await jobs.create(sims(2500, "paged"));
    const query = jobs.filter({ workflow: "paged" });
    const seen: number[] = [];
    for await (const job of query) seen.push(job.id);
    expect(seen).toEqual(made.map((job) => job.id));
    expect(await query.order("-id").limit(3).ids()).toEqual(seen.slice(-3).reverse());
    expect((await query.first())?.name).toBe("paged-0");
    expect(await query.filter({ name: { contains: "-249" } }).count()).toBe(11);
    expect(await query.limit(7).count()).toBe(7);
    expect(await jobs.filter({ workflow: "none" }).first()).toBeNull();
    expect([...(await query.counts())]).toEqual([["PREPROCESSED", 2500]]);
    expect([...(await query.counts("app"))]).toEqual([["sim", 2500]]);
  });

  test("changes, kills, retries and deletes what it matches, at most so many", async () => {
    const { jobs } = lab.conifer;
    await jobs.create(sims(10, "acted"));
    const query = jobs.filter({ workflow: "acted" });
    expect(await query.limit(4).update({ tags: { half: "first" } })).toMatchObject({ matched: 4, changed: 4 });
    expect(await query.filter({ tags: { half: "first" } }).kill({ reason: "enough" })).toMatchObject({ changed: 4 });
    expect((await query.filter("state=USER_KILLED").first())?.reason).toContain("enough");
    expect(await query.filter({ state: "USER_KILLED" }).retry()).toMatchObject({ changed: 4 });
    expect(await query.delete()).toMatchObject({ changed: 10, left: [] });
    expect(await query.count()).toBe(0);
    expect(await query.limit(2).delete()).toEqual({ matched: 0, changed: 0, left: [] });
  });

  test("[B8] without a filter changes nothing, and a filter that does not read is an error", async () => {
    const { jobs } = lab.conifer;
    await expect(jobs.filter().delete()).rejects.toMatchObject({ code: "BAD_INPUT" });
    await expect(jobs.filter("tag=x").kill()).rejects.toMatchObject({ code: "BAD_FILTER" });
    await expect(jobs.filter("state=DONE").count()).rejects.toMatchObject({ code: "BAD_FILTER" });
  });

  test("[B28] reads every job once while others are created and deleted", async () => {
    const { jobs } = lab.conifer;
    const made = await jobs.create(sims(3000, "moving"));
    const seen: number[] = [];
    for await (const job of jobs.filter({ workflow: "moving" })) {
      seen.push(job.id);
      if (seen.length === 500)
        await jobs.filter({ workflow: "moving", id: made.slice(0, 100).map((one) => one.id) }).delete();
      if (seen.length === 1500) await jobs.create(sims(5, "moving-too"));
    }
    expect(seen).toEqual(made.map((job) => job.id));
  });
});

describe("a job", () => {
  test("tells its history, why it waits and how it ended", async () => {
    const { conifer, pilot } = lab;
    const job = await conifer.jobs.create({ app: "sim", workflow: "single", priority: 1000 });
    expect((await job.explain()).state).toBe("PREPROCESSED");
    const result = job.result({ timeoutSec: 30 });
    expect(await pilot.run(1)).toEqual([job.id]);
    await pilot.end([job.id], { state: "RUN_ERROR", failure: "error", exitCode: 3, reason: "exit code 3" });
    expect(await result).toMatchObject({ ok: false, state: "FAILED", exitCode: 3, attempt: 1 });
    expect((await result).stdout).toMatch(/^\/tmp\/here\/data\/single\/.*\/job\.out$/);
    expect((await job.history()).flatMap((event) => event.path)).toContain("RUN_ERROR");
    await job.delete();
    await expect(job.load()).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("[B6] that runs is not deleted, and says so", async () => {
    const { conifer, pilot } = lab;
    const job = await conifer.jobs.create({ app: "sim", workflow: "held", priority: 1000 });
    await pilot.run(1);
    await expect(job.delete()).rejects.toMatchObject({ code: "CONFLICT" });
    await pilot.end([job.id]);
  });
});

describe("waiting", () => {
  test("follows events and counts how many ended how", async () => {
    const { conifer, pilot } = lab;
    const made = await conifer.jobs.create(sims(20, "waited").map((job) => ({ ...job, priority: 1000 })));
    const seen: number[] = [];
    const waiting = conifer.jobs.wait(made, { timeoutSec: 30, onProgress: ({ ended }) => seen.push(ended) });
    const ids = await pilot.run(20);
    await pilot.end(ids.slice(0, 15));
    await pilot.end(ids.slice(15), { state: "RUN_ERROR", failure: "error", exitCode: 1 });
    expect(await waiting).toMatchObject({ total: 20, ended: 20, finished: 15, failed: 5, running: 0 });
    expect(seen.at(-1)).toBe(20);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  test("over a query waits for jobs that join, too", async () => {
    const { conifer, pilot } = lab;
    await conifer.jobs.create({ app: "sim", workflow: "joined", priority: 1000 });
    let seen = 0;
    const waiting = conifer.jobs.wait(conifer.jobs.filter({ workflow: "joined" }), {
      timeoutSec: 30,
      onProgress: ({ total }) => {
        seen = total;
      },
    });
    await expect.poll(() => seen, { timeout: 20_000 }).toBe(1);
    const first = await pilot.run(1);
    await conifer.jobs.create({ app: "sim", workflow: "joined", priority: 1000 });
    await pilot.end(first);
    await expect.poll(() => seen, { timeout: 20_000 }).toBe(2);
    await pilot.end(await pilot.run(1));
    expect(await waiting).toMatchObject({ total: 2, finished: 2 });
  });

  test("ends with TIMED_OUT when it takes too long, and with the signal's reason when it is called off", async () => {
    const job = await lab.conifer.jobs.create({ app: "sim", workflow: "never" });
    await expect(job.wait({ timeoutSec: 0.2 })).rejects.toMatchObject({ code: "TIMED_OUT" });
    const off = new AbortController();
    const waiting = job.wait({ signal: off.signal });
    off.abort(new Error("changed my mind"));
    await expect(waiting).rejects.toThrow("changed my mind");
    await job.kill();
  });

  test("as they complete yields each job once, whatever the order, and none that was deleted", async () => {
    const { conifer, pilot } = lab;
    const made = await conifer.jobs.create(sims(30, "completed").map((job) => ({ ...job, priority: 1000 })));
    const ids = await pilot.run(29);
    await conifer.jobs.filter({ workflow: "completed", state: "PREPROCESSED" }).delete();
    const seen: number[] = [];
    await pilot.end(ids.slice(20));
    for await (const job of conifer.jobs.asCompleted(made, { timeoutSec: 30 })) {
      seen.push(job.id);
      if (seen.length === 9) await pilot.end(ids.slice(0, 20).reverse());
    }
    expect(seen.slice(0, 9)).toEqual(ids.slice(20));
    expect([...seen].sort((a, b) => a - b)).toEqual(ids);
  });

  test("goes on where there is no event stream", async () => {
    const { conifer, pilot } = lab;
    const { client } = conifer;
    const deaf = openConifer({
      ...client,
      call: client.call,
      // Nothing answers there, as with a relay that has no streams.
      stream: (_path, options) => client.stream("/no-such-stream", options),
    });
    const job = await deaf.jobs.create({ app: "sim", workflow: "deaf", priority: 1000 });
    const waiting = job.wait({ timeoutSec: 30 });
    await pilot.end(await pilot.run(1));
    expect((await waiting).state).toBe("JOB_FINISHED");
  });
});

test("events tell what changes, after an `open`", async () => {
  const { conifer } = lab;
  const kinds: string[] = [];
  for await (const event of conifer.events({ signal: AbortSignal.timeout(30_000) })) {
    kinds.push(event.kind);
    if (event.kind === "open") await conifer.jobs.create({ app: "sim", workflow: "told" });
    if (event.kind === "jobs") break;
  }
  expect(kinds).toEqual(["open", "jobs"]);
});

test("sites, apps, batch jobs and tokens are found, made and removed", async () => {
  const { conifer, siteId } = lab;
  expect((await conifer.sites.get("here")).id).toBe(siteId);
  await expect(conifer.sites.get("nowhere")).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await conifer.sites.demand("here")).shapes.length).toBeGreaterThan(0);
  expect((await conifer.apps.list({ site: "here" })).map((app) => app.name)).toEqual(["other", "sim"]);
  const { created } = await conifer.apps.sync("here", [{ name: "third", command: "true" }]);
  expect(created).toBe(1);
  await conifer.apps.delete((await conifer.apps.get("third")).id);
  const batchJob = await conifer.batchJobs.submit({ site: "here", nodes: 2 });
  expect((await conifer.batchJobs.list({ where: ["state=pending_submission"] })).map((one) => one.id)).toEqual([
    batchJob.id,
  ]);
  expect((await conifer.batchJobs.cancel(batchJob.id)).state).toMatch(/cancelled|pending_deletion/);
  const { token, info } = await conifer.tokens.create({ label: "x" });
  expect(token.length).toBeGreaterThan(20);
  expect((await conifer.tokens.list()).map((one) => one.id)).toContain(info.id);
  await conifer.tokens.revoke(info.id);
  expect((await conifer.whoami()).name).toBe("ann");
  expect((await conifer.status()).leaseSec).toBe(600);
});

test("[B38] a batch job that cannot be is refused, with the field at fault", async () => {
  const { batchJobs } = lab.conifer;
  await expect(batchJobs.submit({ site: "here", nodes: 0 })).rejects.toThrow(/nodes/);
  await expect(batchJobs.submit({ site: "here", wallTimeMin: -1 })).rejects.toThrow(/wallTimeMin/);
  await expect(batchJobs.submit({ site: "nowhere" })).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("the current job is the one whose file the environment names", async () => {
  const { conifer, server } = lab;
  const job = await conifer.jobs.create({ app: "sim", workflow: "self", name: "self" });
  const file = join(await mkdtemp(join(tmpdir(), "conifer-job-")), "job.json");
  const own = { address: conifer.client.address, token: server.ann.token, job: job.id, attempt: 1, site: "here" };
  await writeFile(file, JSON.stringify(own));
  const inside = openConifer(conifer.client, { CONIFER_JOB_FILE: file });
  expect((await inside.currentJob())?.name).toBe("self");
  expect(await openConifer(conifer.client, {}).currentJob()).toBeNull();
});
