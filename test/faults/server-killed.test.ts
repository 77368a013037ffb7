import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Offer, ReportItem } from "../../src/client/wire/sessions.ts";
import { Installation } from "../setup/installation.ts";

const JOBS = 1000;
/** Where in the time that the work takes without it the kill comes. */
const MOMENTS = [0.3, 0.8];
/** Each kill costs the start of a server. */
const TIMEOUT_MS = 180_000;

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.open({ apps: [{ name: "sim", command: "true {{n}}" }] });
});
afterAll(() => installation?.[Symbol.asyncDispose]());

/** Begins work, kills the server some milliseconds later, and starts it again once the work has ended somehow; what it answered, if it did. */
async function killDuring<T>(work: () => Promise<T>, afterMs: number): Promise<T | null> {
  const answer = work().catch(() => null);
  await delay(afterMs);
  await installation.killServer();
  const result = await answer;
  await installation.startServer();
  return result;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** A thousand jobs of one workflow, every other one the child of the one before. */
const graph = (workflow: string) =>
  Array.from({ length: JOBS }, (_, index) => ({
    app: "sim",
    workflow,
    key: `k${index}`,
    parameters: { n: index },
    parents: index % 2 === 1 ? [`k${index - 1}`] : [],
  }));
const create = (workflow: string, retry: boolean) =>
  installation.client.call("jobCreate", {
    body: { jobs: graph(workflow) },
    idempotencyKey: `create ${workflow}`,
    retry,
  });
const count = async (...where: string[]) => (await installation.client.call("jobCounts", { query: { where } })).total;

describe("a server killed with -9", { timeout: TIMEOUT_MS }, () => {
  it("while it creates jobs has all of them or none, and the same request later gets the same ids", async () => {
    const wholeMs = await timed(() => create("whole", false));
    for (const moment of MOMENTS) {
      const workflow = `killed at ${moment}`;
      const answer = await killDuring(() => create(workflow, false), wholeMs * moment);
      const there = await count(`workflow=${workflow}`);
      expect([0, JOBS]).toContain(there);
      if (answer !== null) expect(there).toBe(JOBS);
      const first = await create(workflow, true);
      const second = await create(workflow, true);
      expect(second).toEqual(first);
      if (answer !== null) expect(first).toEqual(answer);
      const jobs = await installation.jobs(`workflow=${workflow}`);
      expect(jobs.map(({ id }) => id)).toEqual(first.ids);
      expect(new Set(jobs.map(({ state }) => state))).toEqual(new Set(["PREPROCESSED", "AWAITING_PARENTS"]));
      expect(jobs.filter(({ parents }) => parents.length === 1)).toHaveLength(JOBS / 2);
    }
    expect(await count()).toBe(JOBS * (MOMENTS.length + 1));
  });

  it("[B35] while it changes jobs has changed all of them or none", async () => {
    const change = (priority: number, retry: boolean) =>
      installation.client.call("jobUpdate", { body: { where: ["workflow=whole"], set: { priority } }, retry });
    const wholeMs = await timed(() => change(1, false));
    for (const [index, moment] of MOMENTS.entries()) {
      const priority = 10 + index;
      const answer = await killDuring(() => change(priority, false), wholeMs * moment);
      const there = await count("workflow=whole", `priority=${priority}`);
      expect([0, JOBS]).toContain(there);
      if (answer !== null) expect(there).toBe(JOBS);
      expect(await change(priority, true)).toMatchObject({ matched: JOBS });
      expect(await count("workflow=whole", `priority=${priority}`)).toBe(JOBS);
    }
  });

  it("while jobs are acquired and reported hands out none twice, loses none, and takes each report once", async () => {
    const workflow = "acquired";
    const made = await create(workflow, true);
    const tags = { only: "these" };
    const runnable = made.ids.filter((_, index) => index % 2 === 0);
    await installation.client.call("jobUpdate", { body: { ids: runnable, set: { tags } } });
    const capacity = { cores: 10_000, gpus: 0, memoryBytes: 0 };
    const { id } = await installation.client.call("sessionCreate", {
      body: { site: installation.siteId, nodes: 1, capacity },
    });
    const params = { id };
    const heard = new Map<number, Offer>();
    const acquire = async (maxJobs: number, resume: number[] | null) => {
      const { offers } = await installation.client.call("sessionAcquire", {
        params,
        body: { maxJobs, free: { ...capacity, wholeNodes: 1 }, wallTimeLeftMin: null, tags, resume },
      });
      for (const offer of offers) {
        expect(heard.has(offer.job)).toBe(false);
        heard.set(offer.job, offer);
      }
    };
    const perRound = runnable.length / (MOMENTS.length + 1);
    const acquireMs = await timed(() => acquire(Math.floor(perRound), null));
    for (const moment of MOMENTS) {
      await killDuring(() => acquire(Math.floor(perRound), null), acquireMs * moment);
      // What the lost answer held is offered again, before anything else.
      await acquire(0, [...heard.keys()]);
    }
    await acquire(JOBS, [...heard.keys()]);
    expect([...heard.keys()].sort((a, b) => a - b)).toEqual(runnable);
    expect(new Set([...heard.values()].map(({ attempt }) => attempt))).toEqual(new Set([1]));

    const report = (batch: number, jobs: readonly number[]) => {
      const at = Date.now();
      const items: ReportItem[] = jobs.flatMap((job) => [
        { job, attempt: 1, state: "RUNNING" as const, at },
        { job, attempt: 1, state: "RUN_DONE" as const, at, exitCode: 0 },
      ]);
      return installation.client.call("sessionReport", { params, body: { batch, items } });
    };
    const parts = Array.from({ length: MOMENTS.length + 1 }, (_, part) =>
      runnable.filter((_, index) => index % (MOMENTS.length + 1) === part),
    );
    const reportMs = await timed(() => report(1, parts[0] ?? []));
    for (const [index, moment] of MOMENTS.entries()) {
      const jobs = parts[index + 1] ?? [];
      await killDuring(() => report(index + 2, jobs), reportMs * moment);
      const finished = await count(`id=${jobs.join(",")}`, "state=JOB_FINISHED");
      expect([0, jobs.length]).toContain(finished);
      expect(await report(index + 2, jobs)).toMatchObject({ accepted: jobs.length * 2, stale: [] });
    }
    expect(await count("tags.only=these", "state=JOB_FINISHED")).toBe(runnable.length);
    // Every child became runnable, by one step.
    expect(await count(`workflow=${workflow}`, "state=PREPROCESSED")).toBe(JOBS / 2);
    const { items } = await installation.client.call("eventList", {
      query: { where: [`job=${runnable.slice(0, 900).join(",")}`], limit: 10_000 },
    });
    expect(items.filter(({ stale }) => stale)).toEqual([]);
    expect(items.filter(({ path }) => path.includes("RUNNING"))).toHaveLength(Math.min(900, runnable.length));
  });
});
