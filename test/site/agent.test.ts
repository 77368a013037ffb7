import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { initSite, siteStatus, startSite } from "../../src/site/index.ts";
import { LabServer, SiteLab } from "./lab.ts";

let server: LabServer;
beforeAll(async () => {
  server = await LabServer.open();
});
afterAll(() => server[Symbol.asyncDispose]());
const labs: SiteLab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab[Symbol.asyncDispose]();
});
async function openLab(settings: Readonly<Record<string, object>> = {}): Promise<SiteLab> {
  const lab = await SiteLab.open({ pilot: { idleSec: 300, graceSec: 1 }, ...settings }, server);
  labs.push(lab);
  await lab.write("apps/wait.yml", WAIT);
  return lab;
}
/** Counts its starts, then waits for a file. */
const WAIT = `
name: wait
command: echo x >> starts; while [ ! -e go ]; do sleep 0.02; done
`;
const TIMEOUT = { timeout: 40_000 };

async function runningJob(lab: SiteLab): Promise<{ id: number; batchJob: number; workdir: string }> {
  await lab.start();
  await lab.untilApps(2);
  const batchJob = await lab.submit();
  const [id = 0] = await lab.create({ app: "wait" });
  await lab.until([id], "RUNNING");
  const { workdir } = await lab.job(id);
  await expect.poll(() => lab.read(`data/${workdir}/starts`).catch(() => ""), TIMEOUT).toBe("x\n");
  return { id, batchJob, workdir };
}

describe("the agent", () => {
  it("killed and started again takes over the allocation that runs; its jobs notice nothing", async () => {
    const lab = await openLab();
    const { id, batchJob, workdir } = await runningJob(lab);
    const before = await siteStatus({ directory: lab.site });
    await lab.killAgent();
    expect((await siteStatus({ directory: lab.site })).pilots).toEqual(before.pilots);
    await lab.write(`data/${workdir}/go`, "");
    await lab.until([id], "JOB_FINISHED");
    await lab.start();
    const [again = 0] = await lab.create({ app: "hello" });
    await lab.until([again], "JOB_FINISHED");
    expect((await lab.job(again)).batchJobId).toBe(batchJob);
    expect((await siteStatus({ directory: lab.site })).pilots).toEqual(before.pilots);
    expect(await lab.read(`data/${workdir}/starts`)).toBe("x\n");
    await lab.client.call("batchJobCancel", { params: { id: batchJob }, body: {} });
    await lab.untilBatchJob(batchJob, "cancelled");
  });

  it("reports an allocation that ended while no agent ran, with how it ended", async () => {
    const lab = await openLab();
    const { id, batchJob, workdir } = await runningJob(lab);
    await lab.killAgent();
    const [pilot] = (await siteStatus({ directory: lab.site })).pilots;
    // Group 0 would be the test's own.
    if (!pilot?.pid) throw new Error("there is no pilot to kill");
    process.kill(-pilot.pid, "SIGKILL");
    await lab.write(`data/${workdir}/go`, "");
    await lab.start();
    expect(await lab.untilBatchJob(batchJob, "failed", "finished")).toMatchObject({
      state: "failed",
      reason: expect.stringMatching(/^its script was killed.*1 tasks were under way/),
    });
    await lab.submit();
    await lab.until([id], "JOB_FINISHED");
    expect(await lab.job(id)).toMatchObject({ attempt: 2, losses: 1 });
  });

  it("[B7] gives a pilot its batch job, and delivers the journal of a killed one before its batch job ends", async () => {
    const lab = await openLab();
    const { id, batchJob } = await runningJob(lab);
    const { items } = await lab.client.call("sessionList", { query: { site: String(lab.siteId) } });
    expect(items).toMatchObject([{ batchJobId: batchJob }]);
    const pid = Number((await lab.read(`run/pilots/${batchJob}/pilot.log`)).match(/"pid":(\d+)/)?.[1]);
    process.kill(pid, "SIGKILL");
    const ended = await lab.untilBatchJob(batchJob, "failed");
    expect(ended.reason).toMatch(/signal 9.*1 tasks were under way/s);
    expect((await lab.path(id)).slice(-2)).toEqual(["RUN_TIMEOUT", "RESTART_READY"]);
    expect((await lab.job(id)).reason).toMatch(/died \(1 of at most 3 times\)/);
  });

  it("stopped leaves its allocations running; told to, it ends them and says so first", async () => {
    const lab = await openLab();
    const { id, batchJob } = await runningJob(lab);
    await lab.stop();
    expect((await siteStatus({ directory: lab.site })).pilots).toMatchObject([{ state: "running" }]);
    expect((await lab.batchJob(batchJob)).state).toBe("running");
    await lab.start();
    expect(await lab.stop({ pilots: true })).toBe(true);
    expect((await siteStatus({ directory: lab.site })).pilots).toEqual([]);
    expect((await lab.batchJob(batchJob)).state).toBe("cancelled");
    expect((await lab.job(id)).state).toBe("RESTART_READY");
  });

  it("ends allocations also where no agent runs, and the next agent reports them", async () => {
    const lab = await openLab();
    const { batchJob } = await runningJob(lab);
    await lab.killAgent();
    expect(await lab.stop({ pilots: true })).toBe(false);
    expect((await siteStatus({ directory: lab.site })).pilots).toEqual([]);
    expect((await lab.batchJob(batchJob)).state).toBe("running");
    await lab.start();
    await lab.untilBatchJob(batchJob, "cancelled");
  });

  it("is one for each site: a second start finds the first, also after a killed one", async () => {
    const lab = await openLab();
    const pid = await lab.start();
    expect(await startSite({ directory: lab.site })).toMatchObject({ agent: { pid }, alreadyRunning: true });
    await lab.killAgent();
    const starts = await Promise.all(
      [1, 2, 3].map(() => startSite({ directory: lab.site }).catch((error: Error) => error)),
    );
    const pids = starts.flatMap((start) => (start instanceof Error ? [] : [start.agent.pid]));
    const { agent } = await siteStatus({ directory: lab.site });
    expect(pids.length).toBeGreaterThan(0);
    expect(new Set(pids)).toEqual(new Set([agent?.pid]));
    for (const start of starts) if (start instanceof Error) expect(start.message).toMatch(/runs already/);
  });

  it("works through an outage of the server, and goes on at once when it is back", async () => {
    const lab = await openLab();
    await lab.start();
    await lab.untilApps(2);
    await server.kill();
    await expect
      .poll(async () => (await lab.report())?.modules.find(({ name }) => name === "heartbeat")?.state, TIMEOUT)
      .toBe("waiting");
    await server.start();
    await lab.submit();
    const [id = 0] = await lab.create({ app: "hello" });
    await lab.until([id], "JOB_FINISHED");
    expect((await lab.report())?.modules.map(({ restarts }) => restarts)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("starts while the server is away, and begins when it comes", async () => {
    const lab = await openLab();
    await server.kill();
    await lab.start();
    await server.start();
    await lab.untilApps(2);
  });

  it("[B12][B41] starts a failed module again, shows it, and works on meanwhile", async () => {
    const lab = await openLab();
    await rename(join(lab.site, "apps"), join(lab.site, "apps.away"));
    await lab.start();
    const apps = async () => (await lab.report())?.modules.find(({ name }) => name === "apps");
    await expect
      .poll(apps, TIMEOUT)
      .toMatchObject({ state: "restarting", lastFault: expect.stringContaining("ENOENT") });
    await expect
      .poll(async () => (await lab.client.call("siteGet", { params: { id: lab.siteId } })).report, TIMEOUT)
      .toMatchObject({
        problems: [expect.stringMatching(/^module apps failed: ENOENT/)],
      });
    const batchJob = await lab.submit();
    await lab.untilBatchJob(batchJob, "running");
    await rename(join(lab.site, "apps.away"), join(lab.site, "apps"));
    await expect.poll(apps, TIMEOUT).toMatchObject({ state: "running", restarts: expect.any(Number) });
    expect((await apps())?.restarts).toBeGreaterThan(0);
    await lab.untilApps(2);
  });

  it("[B14][B50] takes up a renewed token by itself; nothing that was accepted stops", async () => {
    const lab = await openLab();
    const { id, workdir } = await runningJob(lab);
    const old = JSON.parse(await lab.read("run/access.json"));
    await initSite({ directory: lab.site, access: lab.access, client: lab.client });
    const renewed = await lab.read("run/access.json");
    await lab.write("run/access.json", JSON.stringify({ ...old, token: "revoked" }));
    await lab.client.call("tokenRevoke", { params: { id: old.tokenId } });
    const batch = async () => (await lab.report())?.modules.find(({ name }) => name === "batch");
    await expect
      .poll(batch, TIMEOUT)
      .toMatchObject({ state: "waiting", text: expect.stringContaining("does not accept this token") });
    await lab.write("run/access.json", renewed);
    await expect.poll(batch, TIMEOUT).toMatchObject({ state: "running", restarts: 0 });
    await lab.write(`data/${workdir}/go`, "");
    expect((await lab.job(id)).state).toBe("RUNNING");
  });

  it("does not start on bad settings, and tells every problem with its line", async () => {
    const lab = await openLab();
    await writeFile(join(lab.site, "settings.yml"), "hooks:\n  workers: many\nscheduler:\n  maxRuning: 2\n");
    const file = join(lab.site, "settings.yml");
    await expect(lab.start()).rejects.toMatchObject({
      code: "BAD_SETTINGS",
      message: `${file}:2: hooks.workers: expected number, received string\n${file}:4: there is no scheduler.maxRuning; did you mean maxRunning?`,
    });
    expect((await siteStatus({ directory: lab.site })).agent).toBeNull();
  });

  it("[B46][B55] says why a batch job cannot be had, and pauses where its scheduler does not work", async () => {
    const lab = await openLab();
    await lab.start();
    await expect
      .poll(() => lab.submit({ nodes: 3 }).catch((error: Error) => error.message), TIMEOUT)
      .toBe(`nodes: site ${lab.name} has at most 1 nodes, not 3`);
    const directory = join(lab.site, "run/local-scheduler");
    await rm(directory, { recursive: true });
    await writeFile(directory, "");
    const batchJob = await lab.submit();
    await expect
      .poll(async () => (await lab.report())?.batch.paused, TIMEOUT)
      .toMatch(/^Scheduler local does not answer: /);
    await rm(directory);
    await mkdir(directory);
    await lab.untilBatchJob(batchJob, "running");
    expect((await lab.report())?.modules.find(({ name }) => name === "batch")?.restarts).toBe(0);
  });

  it("keeps its secrets to its user, and out of every command line", async () => {
    const lab = await openLab();
    const { batchJob } = await runningJob(lab);
    const { token } = JSON.parse(await lab.read("run/access.json"));
    for (const path of ["run/access.json", `run/pilots/${batchJob}/pilot.json`, "log/agent.log", "settings.yml"])
      expect((await stat(join(lab.site, path))).mode & 0o077, path).toBe(0);
    expect((await stat(join(lab.site, "run"))).mode & 0o777).toBe(0o700);
    expect(await lab.read("log/agent.log")).not.toContain(token);
    const { agent, pilots } = await siteStatus({ directory: lab.site });
    for (const pid of [agent?.pid, ...pilots.map((pilot) => pilot.pid)]) {
      expect(await readFile(`/proc/${pid}/cmdline`, "utf8")).not.toContain(token);
      expect(await readFile(`/proc/${pid}/environ`, "utf8")).not.toContain(token);
    }
  });
});
