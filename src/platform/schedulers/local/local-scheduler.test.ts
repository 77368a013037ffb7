import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { identityOf } from "../../processes/identity.ts";
import { endMarked, findMarked } from "../../processes/marked.ts";
import type { AllocationRequest, AllocationStatus } from "../scheduler.ts";
import { allocationFile, allocationSchema, saveAllocation } from "./allocation-file.ts";
import { LocalScheduler, type LocalSchedulerOptions } from "./local-scheduler.ts";

let directory = "";
const opened: LocalScheduler[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "conifer-local-"));
});
afterEach(async () => {
  for (const scheduler of opened.splice(0)) await scheduler[Symbol.asyncDispose]();
  await endMarked(`TEST_MARK=${directory}`, 0);
  await rm(directory, { recursive: true });
});

async function open(options: Partial<LocalSchedulerOptions> = {}): Promise<LocalScheduler> {
  const scheduler = await LocalScheduler.open({
    directory: join(directory, "state"),
    maxRunning: 1,
    graceSec: 5,
    ...options,
  });
  opened.push(scheduler);
  return scheduler;
}
/** As kill -9 of the process that has the scheduler would do: its timers and children's events are gone, files stay. */
const abandon = (scheduler: LocalScheduler) => scheduler[Symbol.asyncDispose]();

const POLL = { timeout: 20_000 };
const request = (key: string, script: string, change: Partial<AllocationRequest> = {}): AllocationRequest => ({
  key,
  name: `test-${key}`,
  command: ["sh", "-c", script],
  environment: { TEST_MARK: directory },
  directory,
  output: join(directory, `${key}.log`),
  nodes: 1,
  wallTimeMin: 10,
  queue: "",
  project: "",
  options: {},
  ...change,
});
const one = async (scheduler: LocalScheduler, key: string): Promise<AllocationStatus | undefined> =>
  (await scheduler.status([`local-${key}`])).get(`local-${key}`);
const until = (scheduler: LocalScheduler, key: string, state: string) =>
  expect.poll(async () => (await one(scheduler, key))?.state, POLL).toBe(state);
const printed = (key: string) => readFile(join(directory, `${key}.log`), "utf8").catch(() => "");
const file = async (key: string) =>
  allocationSchema.parse(JSON.parse(await readFile(allocationFile(join(directory, "state"), `local-${key}`), "utf8")));

describe("the local scheduler", () => {
  it("runs an allocation in its directory and tells how it ended", async () => {
    const scheduler = await open();
    expect(await scheduler.submit(request("1", 'echo "$TEST_MARK in $(pwd)"'))).toEqual({
      kind: "submitted",
      id: "local-1",
    });
    await until(scheduler, "1", "ended");
    expect(await one(scheduler, "1")).toMatchObject({ outcome: "finished", reason: "", startedAt: expect.any(Number) });
    expect(await printed("1")).toBe(`${directory} in ${directory}\n`);
  });

  it("[B39][B46] tells a failure from a good end, with the exit code or signal and the last words", async () => {
    const scheduler = await open({ maxRunning: 3 });
    await scheduler.submit(request("code", "echo first; echo no licence left >&2; exit 3"));
    await scheduler.submit(request("signal", "kill -9 $$"));
    await scheduler.submit(request("missing", "", { command: ["no-such-program"] }));
    for (const key of ["code", "signal", "missing"]) await until(scheduler, key, "ended");
    expect(await one(scheduler, "code")).toMatchObject({
      outcome: "failed",
      reason: "exit code 3: first\nno licence left",
    });
    expect(await one(scheduler, "signal")).toMatchObject({
      outcome: "failed",
      reason: expect.stringMatching(/^signal 9/),
    });
    expect(await one(scheduler, "missing")).toMatchObject({
      reason: expect.stringMatching(/exit code 127: .*not found/),
    });
  });

  it("runs as many at once as it may and the others after them", async () => {
    const scheduler = await open({ maxRunning: 2 });
    for (const key of ["1", "2", "3"])
      await scheduler.submit(request(key, `echo go; while [ ! -e ${directory}/end-${key} ]; do sleep 0.01; done`));
    expect([await one(scheduler, "1"), await one(scheduler, "2"), await one(scheduler, "3")]).toMatchObject([
      { state: "running" },
      { state: "running" },
      { state: "queued", reason: "2 of 2 allocations run" },
    ]);
    await scheduler.cancel(["local-1"]);
    await until(scheduler, "3", "running");
  });

  it("says yes twice to the same key and starts it once", async () => {
    const scheduler = await open({ maxRunning: 5 });
    await scheduler.submit(request("1", "echo started; sleep 100"));
    expect(await scheduler.submit(request("1", "echo started; sleep 100"))).toEqual({
      kind: "submitted",
      id: "local-1",
    });
    expect(await scheduler.find(["1", "2"])).toEqual(new Map([["1", "local-1"]]));
    await expect.poll(() => printed("1"), POLL).toBe("started\n");
  });

  it("refuses more nodes than there are, and knows nothing of what it was never asked", async () => {
    const scheduler = await open();
    expect(await scheduler.submit(request("1", "true", { nodes: 3 }))).toEqual({
      kind: "refused",
      reason: "the local scheduler has one node, 3 were asked for",
    });
    expect(await scheduler.status(["local-1"])).toEqual(new Map());
  });

  it("gives up a waiting allocation at once, and a running one with SIGTERM first", async () => {
    const scheduler = await open();
    await scheduler.submit(request("1", 'trap "echo orderly; exit 0" TERM; echo ready; while :; do sleep 0.01; done'));
    await scheduler.submit(request("2", "true"));
    await expect.poll(() => printed("1"), POLL).toBe("ready\n");
    await scheduler.cancel(["local-2", "local-1", "local-77"]);
    expect(await one(scheduler, "2")).toMatchObject({ state: "ended", outcome: "cancelled", startedAt: null });
    await until(scheduler, "1", "ended");
    expect(await one(scheduler, "1")).toMatchObject({ outcome: "cancelled", reason: "it was cancelled" });
    expect(await printed("1")).toBe("ready\norderly\n");
  });

  it("kills a given-up allocation that does not listen", async () => {
    const scheduler = await open({ graceSec: 0.2 });
    await scheduler.submit(request("1", 'trap "" TERM; echo ready; while :; do sleep 0.01; done'));
    await expect.poll(() => printed("1"), POLL).toBe("ready\n");
    await scheduler.cancel(["local-1"]);
    await until(scheduler, "1", "ended");
    expect(await one(scheduler, "1")).toMatchObject({ outcome: "cancelled" });
    expect(await findMarked(`TEST_MARK=${directory}`)).toEqual([]);
  });

  it("ends what an allocation leaves behind before it says that it has ended", async () => {
    const scheduler = await open({ graceSec: 0.2 });
    await scheduler.submit(request("1", "setsid sleep 1000 & echo left; exit 0"));
    await until(scheduler, "1", "ended");
    expect(await one(scheduler, "1")).toMatchObject({
      outcome: "finished",
      reason: "left-over processes that were ended: 1",
    });
    expect(await findMarked(`TEST_MARK=${directory}`)).toEqual([]);
  });

  it("ends an allocation that is over its wall time", async () => {
    let ahead = 0;
    const scheduler = await open({ now: () => Date.now() + ahead });
    await scheduler.submit(request("1", "echo ready; exec sleep 1000", { wallTimeMin: 5 }));
    await expect.poll(() => printed("1"), POLL).toBe("ready\n");
    ahead = 6 * 60_000;
    await until(scheduler, "1", "ended");
    expect(await one(scheduler, "1")).toMatchObject({
      outcome: "failed",
      reason: "it was over its wall time of 5 minutes",
    });
  });

  it("takes over what runs and waits when it is opened anew, exit codes included", async () => {
    const before = await open();
    await before.submit(request("1", `echo ready; while [ ! -e ${directory}/end ]; do sleep 0.01; done; exit 4`));
    await before.submit(request("2", "echo second"));
    await expect.poll(() => printed("1"), POLL).toBe("ready\n");
    await abandon(before);
    const after = await open();
    expect(after.active()).toMatchObject([
      { key: "1", state: "running", pid: expect.any(Number) },
      { key: "2", state: "queued", pid: null },
    ]);
    await after.submit(request("3", `touch ${directory}/end`, { nodes: 1 }));
    await after.cancel(["local-2"]);
    expect(await one(after, "1")).toMatchObject({ state: "running" });
    await writeFile(join(directory, "end"), "");
    await until(after, "1", "ended");
    expect(await one(after, "1")).toMatchObject({ outcome: "failed", reason: "exit code 4: ready" });
    await until(after, "3", "ended");
  });

  it("learns of an end that came while nobody watched", async () => {
    const before = await open();
    await before.submit(request("1", "echo ready"));
    await abandon(before);
    const after = await open();
    await until(after, "1", "ended");
    expect(await one(after, "1")).toMatchObject({ outcome: "finished" });
  });

  it("[B27] takes no other process that got the same pid for its allocation", async () => {
    const before = await open();
    await before.submit(request("1", "echo ready; exec sleep 1000"));
    await expect.poll(() => printed("1"), POLL).toBe("ready\n");
    await abandon(before);
    const saved = await file("1");
    const leader = saved.leader;
    expect(leader).not.toBeNull();
    if (leader === null) return;
    const [sleeper] = (await findMarked(`LOCAL_SCHEDULER_JOB=${saved.marker}`)).filter(({ pid }) => pid !== leader.pid);
    // The same pid, as if the first holder of it had started a tick earlier.
    const startTicks = `${Number(leader.startTicks) - 1}`;
    await saveAllocation(join(directory, "state"), { ...saved, marker: "gone", leader: { ...leader, startTicks } });
    const after = await open();
    await until(after, "1", "ended");
    expect(await one(after, "1")).toMatchObject({ outcome: "failed", reason: "its script was killed: ready" });
    expect(await identityOf(sleeper?.pid ?? 0)).toEqual(sleeper);
  });

  it("starts once what was being started when its process was killed", async () => {
    const before = await open({ maxRunning: 2 });
    await before.submit(request("1", "echo started; sleep 1000"));
    await expect.poll(() => printed("1"), POLL).toBe("started\n");
    await abandon(before);
    await saveAllocation(join(directory, "state"), { ...(await file("1")), leader: null });
    const never = {
      ...(await file("1")),
      id: "local-2",
      key: "2",
      marker: "never-started",
      request: request("2", "echo started; sleep 1000"),
    };
    await saveAllocation(join(directory, "state"), {
      ...never,
      request: { ...never.request, command: [...never.request.command] },
    });
    const after = await open({ maxRunning: 2 });
    await expect.poll(() => printed("2"), POLL).toBe("started\n");
    expect(after.active()).toMatchObject([
      { key: "1", pid: expect.any(Number) },
      { key: "2", pid: expect.any(Number) },
    ]);
    expect(await printed("1")).toBe("started\n");
  });

  it("an end that cannot be written is tried again at each look, not without pause, and status tells why", async () => {
    const tries: number[] = [];
    let isAway = false;
    const now = () => {
      if (isAway) tries.push(performance.now());
      return Date.now();
    };
    const scheduler = await open({ now });
    await scheduler.submit(request("1", "mkfifo go; echo ready; read word < go"));
    await expect.poll(() => printed("1"), POLL).toBe("ready\n");
    isAway = true;
    await rename(join(directory, "state"), join(directory, "away"));
    await writeFile(join(directory, "go"), "go\n");
    await expect.poll(() => tries.length, POLL).toBeGreaterThan(4);
    const [first = 0, , , fourth = 0] = tries.slice(-4);
    expect(fourth - first).toBeGreaterThan(1000);
    await expect(one(scheduler, "1")).rejects.toMatchObject({ code: "SCHEDULER_SILENT" });
    await rename(join(directory, "away"), join(directory, "state"));
    await until(scheduler, "1", "ended");
  });
});
