import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BatchScheduler } from "../../src/platform/schedulers/batch/batch-scheduler.ts";
import { openBatchScheduler } from "../../src/platform/schedulers/open-scheduler.ts";
import type { AllocationRequest, AllocationStatus } from "../../src/platform/schedulers/scheduler.ts";
import { runCommand, sgeDown, sgeNode, sgeUp } from "./lab/labs.ts";

const directory = mkdtempSync(join(tmpdir(), "conifer-sge-"));
const owner = `t${process.pid}`;
let commandDirectory = "";
let keys = 0;
beforeAll(() => {
  commandDirectory = sgeUp("2");
});
afterAll(() => {
  rmSync(directory, { recursive: true });
  sgeDown();
});

const open = () =>
  openBatchScheduler("sge", {
    owner,
    directory,
    settings: { minIntervalSec: 0, commandDirectory, options: { parallelEnvironment: "mpi", slotsPerNode: 8 } },
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
const words = (pattern: RegExp) => expect.stringMatching(pattern);
const client = (program: string, ...rest: string[]) => runCommand(join(commandDirectory, program), ...rest);

describe("Grid Engine", () => {
  it("gives an allocation of two nodes, tells how it fares, and from its accounting how it ended", async () => {
    const scheduler = open();
    const asked = request('echo "$GREETING in $(pwd) on $NHOSTS"; while [ ! -e end ]; do sleep 0.1; done; exit 3', {
      nodes: 2,
    });
    const before = Date.now();
    const id = await submit(scheduler, asked);
    await until(scheduler, id, { state: "running" });
    const status = await statusOf(scheduler, id);
    if (status?.state !== "running" || status.startedAt == null || status.endsAt == null)
      throw new Error("not running");
    expect(Math.abs(status.startedAt - before)).toBeLessThan(10_000);
    expect(status.endsAt - status.startedAt).toBe(600_000);
    await expect
      .poll(() => (existsSync(asked.output) ? readFileSync(asked.output, "utf8") : ""), { timeout: 30_000 })
      .toBe(`it's\n$HOME in ${asked.directory} on 2\n`);
    expect(readFileSync(join(asked.directory, "environment"), "utf8").split("\0")).toContain("GREETING=it's\n$HOME");
    expect(await open().find([asked.key])).toEqual(new Map([[asked.key, id]]));
    mkdirSync(join(asked.directory, "end"));
    await until(scheduler, id, { state: "ended", outcome: "failed", reason: "exit code 3" });
    expect(await open().find([asked.key])).toEqual(new Map([[asked.key, id]]));
  });

  it("tells in words why jobs wait, and gives up what waits and what runs", async () => {
    const scheduler = open();
    const runs = await submit(scheduler, request("sleep 1000", { nodes: 2 }));
    await until(scheduler, runs, { state: "running" });
    const waits = await submit(scheduler, request("sleep 1000"));
    const after = await submit(scheduler, request("true", { options: { dependsOn: [runs] } }));
    await until(scheduler, waits, { state: "queued", reason: words(/^it waits for free slots/) });
    await until(scheduler, after, { state: "queued", reason: `it waits for job ${runs}` });
    expect((await scheduler.own()).map(({ id }) => id)).toEqual(expect.arrayContaining([runs, waits, after]));
    await scheduler.cancel([waits, runs, "999999"]);
    await until(scheduler, runs, { state: "ended", outcome: "cancelled" });
    await until(scheduler, waits, { state: "ended", outcome: "cancelled" });
    await until(scheduler, after, { state: "ended", outcome: "finished" });
  });

  it("[B46] refuses in Grid Engine's words, and says which setting several nodes need", async () => {
    const scheduler = open();
    const refusal = async (change: Partial<AllocationRequest>) => await scheduler.submit(request("true", change));
    expect(await refusal({ queue: "nosuch" })).toEqual({ kind: "refused", reason: words(/unknown queue "nosuch"/) });
    expect(await refusal({ options: { resources: "bananas=1" } })).toMatchObject({
      reason: 'unknown resource "bananas"',
    });
    expect(await refusal({ options: { parallelEnvironment: "nosuch" } })).toMatchObject({
      reason: words(/does not exist/),
    });
    expect(await refusal({ queue: "short.q" })).toMatchObject({
      reason: words(/queue short.q gives at most 5 minutes/),
    });
    expect(await refusal({ options: { parallelEnvironment: null } })).toMatchObject({ reason: words(/qconf -spl/) });
    expect(await scheduler.own()).toEqual([]);
  });

  it("says why a job is in error", async () => {
    const scheduler = open();
    const asked = request("true");
    const hog = await submit(scheduler, request("sleep 1000", { nodes: 2 }));
    await until(scheduler, hog, { state: "running" });
    const id = await submit(scheduler, asked);
    rmSync(asked.directory, { recursive: true });
    await scheduler.cancel([hog]);
    await until(scheduler, id, {
      state: "queued",
      reason: words(/^it is in error .*: .*(can't|cannot|No such file)/i),
    });
    await scheduler.cancel([id]);
    await until(scheduler, id, { state: "ended", outcome: "cancelled" });
  });

  it("learns queues, their limits and idle nodes, and notices a job deleted behind its back", async () => {
    const scheduler = open();
    expect(await scheduler.queues()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "main.q", isOpen: true, totalNodes: 2, idleNodes: 2 }),
        expect.objectContaining({ name: "short.q", limits: expect.objectContaining({ maxWallTimeMin: 5 }) }),
      ]),
    );
    const id = await submit(scheduler, request("sleep 1000"));
    await until(scheduler, id, { state: "running" });
    client("qdel", id);
    await until(scheduler, id, { state: "ended", outcome: "failed", reason: "it was ended by signal 9" });
  });

  it("ends what is over its wall time, and says so", async () => {
    const scheduler = open();
    const id = await submit(scheduler, request("sleep 1000", { wallTimeMin: 1 }));
    await until(scheduler, id, { state: "ended", reason: words(/^it was over its wall time/) }, 120_000);
  });

  it("tells of a job that waits again after its node was lost", async () => {
    const scheduler = open();
    const options = { resources: "hostname=g2", rerunnable: true };
    const id = await submit(scheduler, request("sleep 1000", { options }));
    await until(scheduler, id, { state: "running" });
    sgeNode("crash", "g2");
    await until(scheduler, id, { state: "queued", reason: words(/^it was put back into the queue/) }, 120_000);
    sgeNode("boot", "g2");
    await until(scheduler, id, { state: "running" }, 120_000);
    await scheduler.cancel([id]);
  });
});
