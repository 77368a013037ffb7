import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { BatchScheduler } from "../../src/platform/schedulers/batch/batch-scheduler.ts";
import { processRunner } from "../../src/platform/schedulers/batch/run-command.ts";
import type { BatchSettingsInput } from "../../src/platform/schedulers/batch/settings.ts";
import { openBatchScheduler } from "../../src/platform/schedulers/open-scheduler.ts";
import type { AllocationRequest, AllocationStatus } from "../../src/platform/schedulers/scheduler.ts";
import { slurm } from "../../src/platform/schedulers/slurm/slurm.ts";
import { runCommand, slurmNode, slurmUp } from "./lab/labs.ts";

const directory = mkdtempSync(join(tmpdir(), "conifer-slurm-"));
const owner = `t${process.pid}`;
let ahead = 0;
let keys = 0;
beforeAll(() => slurmUp("4"));
afterEach(() => runCommand("scancel", "--user=root"));
afterAll(() => rmSync(directory, { recursive: true }));

const open = (settings: BatchSettingsInput = {}) =>
  openBatchScheduler("slurm", {
    owner,
    directory,
    settings: { minIntervalSec: 0, ...settings },
    now: () => Date.now() + ahead,
  });
function request(script: string, change: Partial<AllocationRequest> = {}): AllocationRequest {
  keys += 1;
  const own = join(directory, String(keys));
  mkdirSync(own);
  return {
    key: String(keys),
    name: "test",
    command: ["sh", "-c", script],
    environment: { CONIFER_PILOT_DIRECTORY: own, GREETING: "it's\n$HOME" },
    directory: own,
    output: join(own, "pilot.out"),
    nodes: 1,
    wallTimeMin: 10,
    queue: "",
    project: "",
    options: {},
    ...change,
  };
}
async function submit(scheduler: BatchScheduler, asked: AllocationRequest): Promise<string> {
  const submission = await scheduler.submit(asked);
  if (submission.kind !== "submitted") throw new Error(`${submission.kind}: ${submission.reason}`);
  return submission.id;
}
const statusOf = async (scheduler: BatchScheduler, id: string): Promise<AllocationStatus | undefined> =>
  (await scheduler.status([id])).get(id);
const until = (scheduler: BatchScheduler, id: string, wanted: object, timeout = 60_000) =>
  expect.poll(() => statusOf(scheduler, id), { timeout, interval: 250 }).toMatchObject(wanted);
/** A node that was down comes back by itself once it has registered. */
const isIdle = (node: string) =>
  expect.poll(() => runCommand("sinfo", "-h", "-n", node, "-p", "batch", "-o", "%T"), { timeout: 60_000 }).toBe("idle");
const words = (pattern: RegExp) => expect.stringMatching(pattern);

describe("Slurm", () => {
  it("gives an allocation of two nodes, tells when it ends, and saves the environment it began with", async () => {
    const scheduler = open();
    const asked = request(
      'echo "$GREETING in $(pwd) on $SLURM_JOB_NUM_NODES"; while [ ! -e end ]; do sleep 0.1; done',
      { nodes: 2 },
    );
    const before = Date.now();
    const id = await submit(scheduler, asked);
    await until(scheduler, id, { state: "running" });
    const status = await statusOf(scheduler, id);
    if (status?.state !== "running" || status.startedAt == null || status.endsAt == null)
      throw new Error("not running");
    expect(Math.abs(status.startedAt - before)).toBeLessThan(10_000);
    expect(status.endsAt - status.startedAt).toBe(600_000);
    // Running is told before the script has come so far.
    const printed = () => (existsSync(asked.output) ? readFileSync(asked.output, "utf8") : "");
    await expect.poll(printed, { timeout: 30_000 }).toBe(`it's\n$HOME in ${asked.directory} on 2\n`);
    expect(readFileSync(join(asked.directory, "environment"), "utf8").split("\0")).toContain("GREETING=it's\n$HOME");
    expect(await scheduler.own()).toContainEqual({ id, key: asked.key });
    await submit(scheduler, request(`touch ${asked.directory}/end`));
    await until(scheduler, id, { state: "ended", outcome: "finished", reason: "" });
  });

  it("[B23][B46] tells failures by exit code, signal and unwritable output", async () => {
    const scheduler = open();
    const code = await submit(scheduler, request("exit 3"));
    const signal = await submit(scheduler, request("kill -SEGV $$"));
    await until(scheduler, code, { state: "ended", outcome: "failed", reason: "exit code 3" });
    await until(scheduler, signal, { outcome: "failed", reason: words(/signal 11|exit code 139/) });
    const asked = request("true");
    const moved = { ...asked, nodes: 4 };
    const hog = await submit(scheduler, request("sleep 1000", { nodes: 4 }));
    const late = await submit(scheduler, moved);
    rmSync(asked.directory, { recursive: true });
    await scheduler.cancel([hog]);
    await until(scheduler, late, { outcome: "failed", reason: "its output file could not be opened" });
  });

  it("[B46] refuses in Slurm's words, and owns nothing afterwards", async () => {
    const scheduler = open();
    const refusal = async (change: Partial<AllocationRequest>) => await scheduler.submit(request("true", change));
    const refused = (pattern: RegExp) => ({ kind: "refused", reason: words(pattern) });
    expect(await refusal({ queue: "nosuch" })).toMatchObject(refused(/invalid partition specified: nosuch/));
    expect(await refusal({ project: "nosuch" })).toMatchObject(refused(/Invalid account/));
    expect(await refusal({ options: { qos: "nosuch" } })).toMatchObject(refused(/Invalid qos/));
    expect(await refusal({ options: { constraint: "skylake" } })).toMatchObject(refused(/Invalid feature/));
    expect(await refusal({ options: { gpusPerNode: 9 } })).toMatchObject(refused(/configuration is not available/));
    expect(await refusal({ queue: "closed" })).toMatchObject(refused(/inactive or drain/));
    expect(await refusal({ nodes: 5 })).toMatchObject(refused(/queue batch gives at most 4 nodes/));
    expect(await refusal({ queue: "debug", nodes: 3 })).toMatchObject(refused(/queue debug gives at most 2 nodes/));
    expect(await refusal({ queue: "debug", wallTimeMin: 6 })).toMatchObject(refused(/at most 5 minutes/));
    expect(await scheduler.own()).toEqual([]);
  });

  it("[B48] learns partitions, their limits and idle nodes, and tells a full queue from a refusal", async () => {
    const scheduler = open();
    expect(await scheduler.queues()).toMatchObject([
      {
        name: "batch",
        isDefault: true,
        isOpen: true,
        totalNodes: 4,
        idleNodes: 4,
        limits: { maxNodes: 4, maxWallTimeMin: 1440 },
      },
      { name: "debug", limits: { maxNodes: 2, maxWallTimeMin: 5, maxSubmitted: 3, maxRunning: 1 } },
      { name: "preempt", isOpen: true },
      { name: "closed", isOpen: false },
    ]);
    const small = { queue: "debug", wallTimeMin: 5 };
    for (const _ of [1, 2, 3]) await submit(scheduler, request("sleep 1000", small));
    expect(await scheduler.submit(request("true", small))).toEqual({
      kind: "full",
      reason: words(/^QOSMaxSubmitJobPerUserLimit/),
    });
  });

  it("tells in words why jobs wait", async () => {
    const scheduler = open();
    const hog = await submit(scheduler, request("sleep 1000", { nodes: 4 }));
    await until(scheduler, hog, { state: "running" });
    const next = await submit(scheduler, request("true", { nodes: 4 }));
    const behind = await submit(scheduler, request("true", { nodes: 4 }));
    const after = await submit(scheduler, request("true", { options: { dependsOn: [hog], dependsWhen: "ok" } }));
    const spent = await submit(scheduler, request("true", { project: "spent" }));
    await until(scheduler, next, { state: "queued", reason: "it waits for free nodes (Resources)" });
    await until(scheduler, behind, { reason: "jobs of higher priority come first (Priority)" });
    await until(scheduler, after, { reason: "it waits for another job (Dependency)" });
    await until(scheduler, spent, { reason: words(/a limit of its account or QOS is reached \(AssocGrp/) });
    runCommand("scontrol", "hold", behind);
    await until(scheduler, behind, { reason: words(/it is held/) });
    await expect
      .poll(async () => Number(((await statusOf(scheduler, next)) as { expectedStartAt?: number }).expectedStartAt), {
        timeout: 60_000,
      })
      .toBeGreaterThan(Date.now());
    await scheduler.cancel([hog]);
    await until(scheduler, after, {
      state: "queued",
      reason: words(/it will never start \(DependencyNeverSatisfied\)/),
    });
  });

  it("gives up what waits and what runs, and passes over what is unknown or has ended", async () => {
    const scheduler = open();
    const runs = await submit(scheduler, request("sleep 1000", { nodes: 4 }));
    const waits = await submit(scheduler, request("sleep 1000", { nodes: 4 }));
    await until(scheduler, runs, { state: "running" });
    await scheduler.cancel([runs, waits, "999999"]);
    await until(scheduler, runs, { state: "ended", outcome: "cancelled" });
    await until(scheduler, waits, { state: "ended", outcome: "cancelled", startedAt: null });
    await scheduler.cancel([runs]);
    expect(await scheduler.status(["999999"])).toEqual(
      new Map([["999999", expect.objectContaining({ outcome: "cancelled" })]]),
    );
    const other = open();
    expect((await other.status(["888888"])).get("888888")).toMatchObject({ state: "unknown" });
    await expect.poll(() => other.status(["888888"])).toEqual(new Map());
  });

  it("notices that a job was deleted behind its back, and finds ended jobs in the accounting", async () => {
    const scheduler = open();
    const asked = request("sleep 1000");
    const id = await submit(scheduler, asked);
    await until(scheduler, id, { state: "running" });
    runCommand("scancel", id);
    await until(scheduler, id, { state: "ended", outcome: "cancelled" });
    const run = processRunner({ scheduler: "slurm", limitSec: 20, directory: null });
    const question = { run, user: "root", ids: [id, "999999"], logDirectory: directory, namePrefix: `${owner}.` };
    await expect
      .poll(async () => await slurm.history?.(question), { timeout: 30_000, interval: 500 })
      .toMatchObject([
        { id, name: `${owner}.${asked.key}`, status: { outcome: "cancelled", reason: "it was cancelled by user 0" } },
      ]);
    expect(await slurm.historyOfNames?.({ ...question, names: [`${owner}.${asked.key}`] })).toMatchObject([{ id }]);
  });

  it("finds by its key a job that another process submitted", async () => {
    const asked = request("sleep 1000");
    const id = await submit(open(), asked);
    expect(await open().find([asked.key, "nosuch"])).toEqual(new Map([[asked.key, id]]));
  });

  it("tells a node failure as the end of one job and as the way back into the queue of another", async () => {
    const scheduler = open();
    const dies = await submit(scheduler, request("sleep 1000", { options: { requeue: false, nodeList: "n3" } }));
    await until(scheduler, dies, { state: "running" });
    slurmNode("crash", "n3");
    await until(scheduler, dies, { state: "ended", outcome: "failed", reason: "a node failed (it had n3)" });
    slurmNode("boot", "n3");
    await isIdle("n3");
    const comesBack = await submit(scheduler, request("sleep 1000", { options: { requeue: true, nodeList: "n3" } }));
    await until(scheduler, comesBack, { state: "running" });
    runCommand("scontrol", "update", "nodename=n3", "state=down", "reason=test");
    await until(scheduler, comesBack, {
      state: "queued",
      reason: words(/^it was put back into the queue after a node failed/),
    });
    await isIdle("n3");
    // Within the second of its end the node still refuses it: "Job credential revoked".
    runCommand("scontrol", "update", `jobid=${comesBack}`, "starttime=now+3seconds");
    await until(scheduler, comesBack, { state: "running" });
  });

  it("gives an allocation up whose first node failed while its others live on", async () => {
    const scheduler = open();
    const id = await submit(
      scheduler,
      request("sleep 1000", { nodes: 2, options: { requeue: false, nodeList: "n2,n4" } }),
    );
    await until(scheduler, id, { state: "running" });
    slurmNode("crash", "n2");
    await until(scheduler, id, { state: "ended", outcome: "failed", reason: words(/^a node failed/) });
    slurmNode("boot", "n2");
    await isIdle("n2");
    await isIdle("n4");
  });

  it("tells of preemption", async () => {
    const scheduler = open();
    const victim = await submit(scheduler, request("sleep 1000", { queue: "preempt", nodes: 4 }));
    await until(scheduler, victim, { state: "running" });
    const strong = await submit(scheduler, request("sleep 1000", { nodes: 4 }));
    await until(scheduler, strong, { state: "running" });
    await until(scheduler, victim, {
      state: "queued",
      reason: words(/^it was put back into the queue after .* preempted/),
    });
  });

  it("[P17] pauses while the controller is down, and goes on with each job as it is", async () => {
    const scheduler = open({ commandLimitSec: 30 });
    const ends = await submit(scheduler, request("sleep 2"));
    const runs = await submit(scheduler, request("sleep 1000"));
    await until(scheduler, runs, { state: "running" });
    slurmNode("stop-controller");
    try {
      await expect(scheduler.status([runs])).rejects.toThrow(/Unable to contact slurm controller/);
      ahead += 1_000_000;
      await expect(scheduler.submit(request("true"))).rejects.toMatchObject({ code: "SCHEDULER_SILENT" });
      ahead += 1_000_000;
      await expect(scheduler.cancel([runs])).rejects.toMatchObject({ code: "SCHEDULER_SILENT" });
    } finally {
      slurmNode("start-controller");
    }
    ahead += 1_000_000;
    await until(scheduler, ends, { state: "ended", outcome: "finished" });
    await until(scheduler, runs, { state: "running" });
  });

  it("ends what is over its wall time, and says so", async () => {
    const scheduler = open();
    const id = await submit(scheduler, request("sleep 1000", { wallTimeMin: 1 }));
    await until(scheduler, id, { state: "ended", outcome: "failed", reason: "it was over its wall time" }, 150_000);
  });

  it("asks one question for a hundred jobs", async () => {
    const ran: string[] = [];
    const scheduler = openBatchScheduler("slurm", {
      owner,
      directory,
      settings: { minIntervalSec: 0 },
      now: () => Date.now() + ahead,
      onCommand: ({ argv }) => ran.push(argv[0] ?? ""),
    });
    const ids: string[] = [];
    for (let count = 0; count < 100; count += 1) ids.push(await submit(scheduler, request("sleep 1000")));
    ran.length = 0;
    expect((await scheduler.status(ids)).size).toBe(100);
    expect(ran).toEqual(["squeue"]);
  });
});
