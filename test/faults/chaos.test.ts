import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Job, JobCreate, JobEvent } from "../../src/client/wire/entities.ts";
import { isFinal } from "../../src/model/states.ts";
import { Installation } from "../setup/installation.ts";
import { counted, type Ledger, ledgerApp, readLedger } from "./ledger.ts";
import { seededRandom } from "./random.ts";

const JOBS = 300;
/** CHAOS_SEED tries another order of events. */
const SEED = Number(process.env.CHAOS_SEED ?? 300);
const CALM_MS = 120_000;
const VICTIMS = ["pilot", "agent", "server", "node agent", "pilot and agent", "pilot and server", "everything"];
/** How often each of them is killed; then everything runs on to the end. */
const ROUNDS = 2;

let installation: Installation;
beforeAll(async () => {
  installation = await Installation.open({ leaseSec: 20, apps: [ledgerApp] });
  await installation.startAgent();
});
afterAll(() => installation?.[Symbol.asyncDispose]());

/** Jobs of a tenth of a second or so, most of them with one or two parents; every twelfth fails. */
function campaign(random: () => number): JobCreate[] {
  return Array.from({ length: JOBS }, (_, index) => {
    const parents = Array.from({ length: index < 30 ? 0 : Math.floor(random() * 3) }, () => {
      const dice = random();
      const when = dice < 0.8 ? "ok" : dice < 0.9 ? "any" : "failed";
      return { job: `k${Math.floor(random() * index)}`, when } as const;
    });
    const named = [...new Map(parents.map((parent) => [parent.job, parent])).values()];
    const job = counted(installation, Math.round(random() * 250) / 1000, { key: `k${index}`, parents: named });
    const code = index % 12 === 5 ? 1 : 0;
    return { ...job, parameters: { ...job.parameters, code }, maxAttempts: 2, retryOn: ["error"], maxLosses: 1000 };
  });
}

/** Kills and starts again, at times and in an order that are random but the same in each run; at the end everything runs. */
async function wreak(random: () => number): Promise<void> {
  await keepPilot();
  const order = Array.from({ length: ROUNDS }, () => VICTIMS).flat();
  for (const victim of order.map((name) => ({ name, at: random() })).sort((a, b) => a.at - b.at)) {
    await delay(300 + random() * 1200);
    const isAll = victim.name === "everything";
    const hits = (name: string) => isAll || victim.name.split(" and ").includes(name);
    if (isAll) await installation.killEverything();
    if (hits("server")) await installation.killServer();
    if (hits("pilot")) for (const pid of await installation.pilots()) process.kill(pid, "SIGKILL");
    if (hits("node agent")) for (const pid of await installation.nodeAgents()) process.kill(pid, "SIGKILL");
    if (hits("agent")) await installation.killAgent();
    await delay(random() * 1000);
    if (hits("server")) await installation.startServer();
    await installation.startAgent();
    await keepPilot();
  }
}

/** Asks for an allocation where none runs or waits. */
async function keepPilot(): Promise<void> {
  const { items } = await installation.client.call("batchJobList", {
    query: { where: ["state=pending_submission,queued,running"], limit: 1 },
  });
  const isThere = items.length > 0 && (items[0]?.state !== "running" || (await installation.pilots()).length > 0);
  if (!isThere) await installation.submit();
}

/** Waits for the end of all jobs; where it does not come, says why each waits. */
async function calmDown(): Promise<Job[]> {
  const until = performance.now() + CALM_MS;
  for (;;) {
    await keepPilot();
    const open = (await installation.jobs()).filter(({ state }) => !isFinal(state));
    if (open.length === 0) return installation.jobs();
    const [first] = open;
    const why = await installation.client.call("jobExplain", { params: { id: first?.id ?? 0 } });
    // Whatever keeps a job from going on can be named.
    expect(why.summary).not.toBe("");
    if (performance.now() > until)
      throw new Error(`${open.length} jobs did not end; job ${first?.id}: ${JSON.stringify(why)}`);
    await delay(300);
  }
}

async function allEvents(): Promise<JobEvent[]> {
  const items: JobEvent[] = [];
  for (let after: string | undefined; ; ) {
    const query = { limit: 10_000, ...(after === undefined ? {} : { after }) };
    const page = await installation.client.call("eventList", { query });
    items.push(...page.items);
    if (page.next === null) return items;
    after = page.next;
  }
}

/** Attempts that the server knows to have run, as `job.attempt`. */
function attemptsOnRecord(events: readonly JobEvent[]): Set<string> {
  const ran = ["RUNNING", "RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT"];
  const told = events.filter(({ path, stale }) => !stale && path.some((state) => ran.includes(state)));
  return new Set(told.map(({ jobId, attempt }) => `${jobId}.${attempt}`));
}

/** Where a task's line is in the ledger; -1 where it is not. */
const lineOf = (ledger: Ledger, word: "begin" | "end", task: string): number => ledger.lines.indexOf(`${word} ${task}`);

describe("a campaign under random kill -9 of pilot, node agent, agent and server", () => {
  it("ends, with every process on record, no job beside itself, and nothing lost", { timeout: 300_000 }, async () => {
    const random = seededRandom(SEED);
    const ids = await installation.create(...campaign(random));
    await wreak(random);
    const jobs = await calmDown();
    expect(jobs.map(({ id }) => id)).toEqual(ids);
    expect(jobs.reduce((sum, { losses }) => sum + losses, 0)).toBeGreaterThan(0);

    const ledger = readLedger(installation);
    expect(ledger.overlaps).toEqual([]);
    expect([...ledger.begun].filter(([, count]) => count !== 1)).toEqual([]);
    const onRecord = attemptsOnRecord(await allEvents());
    expect([...ledger.begun.keys()].filter((task) => !onRecord.has(task))).toEqual([]);

    const byId = new Map(jobs.map((job) => [job.id, job]));
    for (const [index, job] of jobs.entries()) {
      const fails = index % 12 === 5;
      const about = `job ${job.id}: ${job.state}, ${job.reason}`;
      const mayRun = job.parents.every(({ job: id, when }) => {
        const isOk = byId.get(id)?.state === "JOB_FINISHED";
        return when === "any" || (when === "ok") === isOk;
      });
      expect(job.state, about).toBe(mayRun && !fails ? "JOB_FINISHED" : "FAILED");
      if (!mayRun) {
        expect(job.reason, about).toContain("parent");
        expect(job.attempt, about).toBe(0);
        continue;
      }
      // It finished because a process of its last attempt did, and two attempts failed of their own.
      if (!fails) expect(lineOf(ledger, "end", `${job.id}.${job.attempt}`), about).toBeGreaterThanOrEqual(0);
      else expect(job.attempt - job.losses, about).toBe(2);
      const [begun = 0] = [1, job.attempt]
        .map((attempt) => lineOf(ledger, "begin", `${job.id}.${attempt}`))
        .filter((line) => line >= 0);
      for (const { job: id } of job.parents) {
        const parent = byId.get(id);
        const line = lineOf(ledger, "end", `${id}.${parent?.attempt}`);
        expect(line, `${about}: parent ${id}`).toBeLessThan(begun);
      }
    }
  });
});
