import { describe, expect, it } from "vitest";
import type { BatchScheduler } from "../../src/platform/schedulers/batch/batch-scheduler.ts";
import { BATCH_KINDS, type BatchKind } from "../../src/platform/schedulers/open-scheduler.ts";
import type { AllocationRequest } from "../../src/platform/schedulers/scheduler.ts";
import { PlayedCluster, statusOf } from "./played.ts";

/** How the kinds differ in what they can tell. */
const KINDS: Partial<Record<BatchKind, { unknownQueue: RegExp; tellsExit: boolean; requeued: RegExp | null }>> = {
  pbs: { unknownQueue: /^Unknown queue$/, tellsExit: true, requeued: /put back into the queue after a node was lost/ },
  lsf: { unknownQueue: /^nosuch: No such queue\.$/, tellsExit: true, requeued: /host lost/ },
  flux: { unknownQueue: /^Invalid queue 'nosuch' specified$/, tellsExit: true, requeued: null },
  cobalt: { unknownQueue: /^Error: Queue 'nosuch' does not exist$/, tellsExit: true, requeued: null },
};

const POLL = { timeout: 30_000, interval: 100 };
async function submit(scheduler: BatchScheduler, request: AllocationRequest): Promise<string> {
  const submission = await scheduler.submit(request);
  if (submission.kind !== "submitted") throw new Error(`${submission.kind}: ${submission.reason}`);
  return submission.id;
}
const until = (scheduler: BatchScheduler, id: string, state: string) =>
  expect.poll(async () => (await statusOf(scheduler, id))?.state, POLL).toBe(state);

describe.each(Object.entries(KINDS))("%s, played", (name, { unknownQueue, tellsExit, requeued }) => {
  const kind = name as BatchKind;

  it("runs an allocation in its directory, with its variables, and tells how it fares to the end", async () => {
    using cluster = new PlayedCluster(kind);
    const scheduler = cluster.open();
    const before = Date.now();
    const script = 'echo "$GREETING in $(pwd)"; while [ ! -e end ]; do sleep 0.05; done; exit $(cat end)';
    const good = await submit(scheduler, cluster.request("1", script, { nodes: 2 }));
    await until(scheduler, good, "running");
    expect(await statusOf(scheduler, good)).toMatchObject({ startedAt: expect.closeTo(before, -5) });
    await expect.poll(() => cluster.read("1/pilot.out"), POLL).toBe(`it's\n$HOME in ${cluster.directory}\n`);
    const bad = await submit(scheduler, cluster.request("2", "exit 3"));
    await until(scheduler, bad, "ended");
    if (tellsExit) expect(await statusOf(scheduler, bad)).toMatchObject({ outcome: "failed", reason: "exit code 3" });
    await submit(scheduler, cluster.request("3", `echo 0 > ${cluster.directory}/end`));
    await until(scheduler, good, "ended");
    expect(await statusOf(scheduler, good)).toMatchObject({
      outcome: "finished",
      endedAt: expect.closeTo(Date.now(), -5),
    });
  });

  it("keeps waiting what there are no nodes for, in the scheduler's words, and gives up what waits and what runs", async () => {
    using cluster = new PlayedCluster(kind);
    const scheduler = cluster.open();
    const runs = await submit(scheduler, cluster.request("1", "sleep 1000", { nodes: 4 }));
    const waits = await submit(scheduler, cluster.request("2", "sleep 1000", { nodes: 2 }));
    await until(scheduler, runs, "running");
    expect(await statusOf(scheduler, waits)).toMatchObject({ state: "queued", reason: expect.stringMatching(/\w{3}/) });
    expect((await scheduler.own()).map(({ key }) => key).sort()).toEqual(["1", "2"]);
    await scheduler.cancel([runs, waits]);
    for (const id of [runs, waits]) {
      await until(scheduler, id, "ended");
      expect(await statusOf(scheduler, id)).toMatchObject({ outcome: "cancelled" });
    }
    await scheduler.cancel([runs, "999999"]);
    expect(cluster.troubles).toEqual([]);
    expect(await scheduler.own()).toEqual([]);
  });

  it("refuses in the scheduler's own words, and leaves nothing behind", async () => {
    using cluster = new PlayedCluster(kind);
    const scheduler = cluster.open();
    const refused = await scheduler.submit(cluster.request("1", "true", { queue: "nosuch" }));
    expect(refused).toEqual({ kind: "refused", reason: expect.stringMatching(unknownQueue) });
    expect(await scheduler.own()).toEqual([]);
  });

  it("pauses while the scheduler is down, hangs or talks nonsense, then goes on with what ran meanwhile", async () => {
    using cluster = new PlayedCluster(kind);
    const scheduler = cluster.open({ commandLimitSec: 1 });
    const id = await submit(scheduler, cluster.request("1", "sleep 1000"));
    await until(scheduler, id, "running");
    for (const flag of ["down", "hang", "garbage"] as const) {
      cluster.steer(flag);
      cluster.ahead += 1_000_000;
      await expect(scheduler.status([id])).rejects.toMatchObject({ code: "SCHEDULER_SILENT" });
      cluster.ahead += 1_000_000;
      await expect(scheduler.submit(cluster.request("2", "true"))).rejects.toMatchObject({ code: "SCHEDULER_SILENT" });
      cluster.steer(flag, null);
    }
    cluster.ahead += 1_000_000;
    expect(await statusOf(scheduler, id)).toMatchObject({ state: "running" });
  });

  it("finds a submit whose answer was lost, also from another process", async () => {
    using cluster = new PlayedCluster(kind);
    cluster.steer("lose-answer");
    await expect(cluster.open().submit(cluster.request("17", "sleep 1000"))).rejects.toMatchObject({
      code: "SCHEDULER_SILENT",
    });
    cluster.steer("lose-answer", null);
    const later = cluster.open();
    const found = await later.find(["17", "18"]);
    expect([...found.keys()]).toEqual(["17"]);
    await until(later, found.get("17") ?? "", "running");
  });

  it("ends what is over its wall time, and says so", async () => {
    using cluster = new PlayedCluster(kind, { secondsPerMinute: 0.2 });
    const scheduler = cluster.open();
    const id = await submit(scheduler, cluster.request("1", "sleep 1000", { wallTimeMin: 2 }));
    await until(scheduler, id, "ended");
    expect(await statusOf(scheduler, id)).toMatchObject({
      outcome: "failed",
      reason: expect.stringMatching(/wall time/),
    });
  });

  // Flux and Cobalt put nothing back into the queue.
  if (requeued !== null)
    it("tells of a job that waits again after its node was lost", async () => {
      using cluster = new PlayedCluster(kind);
      const scheduler = cluster.open();
      const id = await submit(scheduler, cluster.request("1", "sleep 1000"));
      await until(scheduler, id, "running");
      cluster.steer("requeued", "100");
      await until(scheduler, id, "queued");
      expect(await statusOf(scheduler, id)).toMatchObject({ reason: expect.stringMatching(requeued) });
    });

  it("starts a batch job after the one it depends on", async () => {
    using cluster = new PlayedCluster(kind);
    const scheduler = cluster.open();
    const first = await submit(scheduler, cluster.request("1", "while [ ! -e end ]; do sleep 0.05; done"));
    const second = await submit(scheduler, cluster.request("2", "echo after", { options: { dependsOn: [first] } }));
    await until(scheduler, first, "running");
    expect(await statusOf(scheduler, second)).toMatchObject({ state: "queued" });
    await submit(scheduler, cluster.request("3", "touch end"));
    await until(scheduler, second, "ended");
    expect(await statusOf(scheduler, second)).toMatchObject({ outcome: "finished" });
  });

  it("learns of queues and idle nodes", async () => {
    using cluster = new PlayedCluster(kind);
    const scheduler = cluster.open();
    const id = await submit(scheduler, cluster.request("1", "sleep 1000"));
    await until(scheduler, id, "running");
    cluster.ahead += 100_000;
    expect(await scheduler.queues()).toContainEqual(
      expect.objectContaining({ isOpen: true, idleNodes: 3, totalNodes: 4 }),
    );
  });

  it("asks one question for any number of jobs", async () => {
    using cluster = new PlayedCluster(kind, { nodes: 20 });
    const scheduler = cluster.open();
    const ids: string[] = [];
    for (const key of ["1", "2", "3", "4", "5", "6"])
      ids.push(await submit(scheduler, cluster.request(key, "sleep 1000")));
    cluster.ahead += 40_000;
    cluster.ran.length = 0;
    expect((await scheduler.status(ids)).size).toBe(6);
    expect(cluster.ran.length).toBeLessThanOrEqual(2);
  });
});

it("plays every kind of batch scheduler that does not install", () => {
  expect(Object.keys(KINDS).sort()).toEqual(BATCH_KINDS.filter((kind) => kind !== "slurm" && kind !== "sge").sort());
});
