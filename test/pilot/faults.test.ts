import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { deliverJournal } from "../../src/pilot/index.ts";
import { Lab, marked } from "./lab.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterEach(async () => {
  await lab.clear();
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

test("kill -9 of a pilot ends its processes; its jobs restart once and say so; what had ended is not run again", async () => {
  const pilot = lab.startPilot({ node: { cores: 4, gpus: 0, memoryBytes: null } });
  const [done = 0, first = 0, second = 0] = await lab.create(
    { do: "echo once >> ../done; true" },
    { do: "test -e ran || { touch ran; sleep 1000; }" },
    { do: "test -e ran || { touch ran; sleep 1000; }" },
  );
  await lab.until([done], "JOB_FINISHED");
  await lab.until([first, second], "RUNNING");
  await pilot.kill("SIGKILL");
  await expect
    .poll(() => [first, second].flatMap((id) => marked(`CONIFER_TASK=${id}.1`)), { timeout: 20_000 })
    .toEqual([]);
  expect(await deliverJournal(pilot.directory, lab.client)).toEqual({ delivered: 2, lost: 2 });
  await lab.until([first, second], "RESTART_READY");
  expect((await lab.job(first)).reason).toContain("its pilot");
  lab.startPilot();
  await lab.until([first, second], "JOB_FINISHED");
  for (const id of [first, second]) {
    const states = await lab.states(id);
    expect(states.filter((state) => state === "RUNNING")).toHaveLength(2);
    expect(states).toContain("RUN_TIMEOUT");
    expect(await lab.job(id)).toMatchObject({ attempt: 2, losses: 1 });
  }
  expect((await lab.states(done)).filter((state) => state === "RUNNING")).toHaveLength(1);
});

test("kill -9 of a pilot while the server is away: what had ended is delivered, not run again", async () => {
  const pilot = lab.startPilot({ node: { cores: 2, gpus: 0, memoryBytes: null } });
  const go = `${lab.directory}/go`;
  const [ends = 0, stays = 0] = await lab.create(
    { do: `while [ ! -e ${go} ]; do sleep 0.05; done; echo ended` },
    { do: "sleep 1000" },
  );
  await lab.until([ends, stays], "RUNNING");
  await lab.server.kill("SIGKILL");
  writeFileSync(go, "");
  await expect.poll(() => marked(`CONIFER_TASK=${ends}.1`), { timeout: 10_000 }).toEqual([]);
  await expect.poll(() => readFileSync(`${pilot.directory}/journal.ndjson`, "utf8")).toContain('"RUN_DONE"');
  await pilot.kill("SIGKILL");
  await lab.startServer();
  await deliverJournal(pilot.directory, lab.client);
  await lab.until([ends], "JOB_FINISHED");
  await lab.until([stays], "RESTART_READY");
  expect((await lab.states(ends)).filter((state) => state === "RUNNING")).toHaveLength(1);
});

test("kill -9 of the node agent: its tasks are dead and told lost, and run again on its successor", async () => {
  const pilot = lab.startPilot({ node: { cores: 2, gpus: 0, memoryBytes: null } });
  const [id = 0] = await lab.create({ do: "test -e ran || { touch ran; sleep 1000; }" });
  await lab.until([id], "RUNNING");
  await expect.poll(() => marked(`CONIFER_TASK=${id}.1`).length).toBeGreaterThan(0);
  const agent = pilot.agentPid;
  process.kill(agent, "SIGKILL");
  await lab.until([id], "JOB_FINISHED");
  expect(await lab.states(id)).toContain("RUN_TIMEOUT");
  expect(await lab.job(id)).toMatchObject({ attempt: 2, losses: 1 });
  expect(pilot.agentPid).not.toBe(agent);
  expect(marked(`CONIFER_TASK=${id}.1`)).toEqual([]);
});

test("a node agent that dies again and again ends the pilot with the reason", async () => {
  const pilot = lab.startPilot();
  let last = 0;
  for (let death = 0; death < 3; death += 1) {
    await expect.poll(() => pilot.agentPid, { timeout: 10_000 }).not.toBe(last);
    last = pilot.agentPid;
    process.kill(last, "SIGKILL");
  }
  expect(await pilot.exited).toEqual({ code: 1, signal: null });
  expect(pilot.output).toContain("its node agent died 3 times");
});

test("a server killed -9 under running jobs and started again: nothing is lost, nothing runs twice", async () => {
  lab.startPilot({ node: { cores: 4, gpus: 0, memoryBytes: null } });
  const ids = await lab.create(...Array.from({ length: 300 }, () => ({ do: "echo x >> runs; sleep 0.05" })));
  await lab.until(ids.slice(0, 20), "JOB_FINISHED");
  await lab.server.kill("SIGKILL");
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await lab.startServer();
  await lab.until(ids, "JOB_FINISHED");
  for (const id of ids) {
    expect(await lab.file(id, "runs")).toBe("x\n");
    expect((await lab.job(id)).attempt).toBe(1);
  }
});

test("a pilot cut off from the server ends its tasks before its lease ends, and says so when it is back", async () => {
  await using lab = await Lab.open("--lease-sec", "8");
  const pilot = lab.startPilot();
  const [id = 0] = await lab.create({ do: "sleep 1000", maxAttempts: 1, retryOn: [] });
  await lab.until([id], "RUNNING");
  // Stopped, not killed: it neither answers nor counts leases.
  process.kill(lab.server.pid, "SIGSTOP");
  try {
    await expect.poll(() => marked(`CONIFER_TASK=${id}.1`), { timeout: 20_000 }).toEqual([]);
  } finally {
    process.kill(lab.server.pid, "SIGCONT");
  }
  await lab.until([id], "FAILED", "RESTART_READY");
  expect(await lab.states(id)).toContain("RUN_TIMEOUT");
  expect(pilot.isRunning).toBe(true);
});

test("a session ended by the server ends its tasks, and the pilot begins another one", async () => {
  const pilot = lab.startPilot();
  const [id = 0] = await lab.create({ do: "test -e ran || { touch ran; sleep 1000; }" });
  await lab.until([id], "RUNNING");
  const { sessionId } = await lab.job(id);
  await lab.client.call("sessionEnd", { params: { id: sessionId ?? 0 }, query: { reason: "a test" } });
  await lab.until([id], "JOB_FINISHED");
  expect(await lab.job(id)).toMatchObject({ attempt: 2 });
  expect(marked(`CONIFER_TASK=${id}.1`)).toEqual([]);
  expect(pilot.log.filter(({ msg }) => msg === "session begun")).toHaveLength(2);
});

test("SIGTERM ends a pilot in order: running jobs time out, the others are free, the exit is clean", async () => {
  const pilot = lab.startPilot({ node: { cores: 1, gpus: 0, memoryBytes: null } });
  const [runs = 0, waits = 0] = await lab.create({ do: "sleep 1000" }, { do: "true" });
  await lab.until([runs], "RUNNING");
  expect(await pilot.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  expect(await lab.states(runs)).toContain("RUN_TIMEOUT");
  expect(await lab.job(runs)).toMatchObject({ state: "RESTART_READY", losses: 0, sessionId: null });
  expect(await lab.job(waits)).toMatchObject({ state: "PREPROCESSED", sessionId: null });
  expect(marked(`CONIFER_TASK=${runs}.1`)).toEqual([]);
  expect((await lab.client.call("sessionList", { query: {} })).items).toEqual([]);
});

test("a pilot ends everything before its allocation ends", async () => {
  const began = Date.now();
  const pilot = lab.startPilot({ wallTimeMin: 0.1, endMarginSec: 4, graceSec: 1 });
  const [id = 0] = await lab.create({ do: "sleep 1000" });
  await lab.until([id], "RUNNING");
  expect(await pilot.exited).toEqual({ code: 0, signal: null });
  expect(Date.now() - began).toBeLessThan(6000);
  expect(await lab.job(id)).toMatchObject({ state: "RESTART_READY", losses: 0 });
});

test("a pilot with nothing to do leaves", async () => {
  const pilot = lab.startPilot({ idleSec: 1 });
  expect(await pilot.exited).toEqual({ code: 0, signal: null });
  expect(pilot.log.find(({ msg }) => msg === "pilot ends")).toMatchObject({ reason: "nothing to do for 1 s" });
});

test("a pilot whose server refuses it says so and exits with 1", async () => {
  const pilot = lab.startPilot({ access: { ...lab.access, token: "wrong" } });
  expect(await pilot.exited).toEqual({ code: 1, signal: null });
  expect(pilot.output).toContain("does not accept this token");
});

test("[B21] what one pilot holds unstarted goes to another one within a second of its asking", async () => {
  const greedy = lab.startPilot({ node: { cores: 2, gpus: 0, memoryBytes: null } });
  // Short ones make it take many ahead; the long ones behind them are then held unstarted.
  const short = await lab.create(...Array.from({ length: 200 }, () => ({ do: "true" })));
  await lab.until(short, "JOB_FINISHED");
  const long = await lab.create(...Array.from({ length: 40 }, () => ({ do: "sleep 30" })));
  await expect
    .poll(async () => (await lab.client.call("jobCounts", { query: { where: ["state=RUNNING"] } })).total)
    .toBe(2);
  const other = lab.startPilot({ node: { cores: 8, gpus: 0, memoryBytes: null } });
  await expect
    .poll(async () => (await lab.client.call("jobCounts", { query: { where: ["state=RUNNING"] } })).total, {
      interval: 20,
      timeout: 20_000,
    })
    .toBe(10);
  const begun = other.log.find(({ msg }) => msg === "session begun");
  const jobs = await lab.client.call("jobList", { query: { where: ["state=RUNNING"] } });
  const last = Math.max(...jobs.items.map(({ started }) => Date.parse(started ?? "")));
  expect(last - Date.parse(String(begun?.time))).toBeLessThan(1500);
  expect(greedy.isRunning).toBe(true);
  await lab.client.call("jobKill", { body: { ids: long } });
});

test("[B7] jobs are linked to the batch job of their pilot, and only those with its tags are taken", async () => {
  const { id: batchJobId } = await lab.client.call("batchJobCreate", { body: { site: lab.siteId } });
  lab.startPilot({ batchJobId, tags: { set: "a" } });
  const [other = 0, mine = 0] = await lab.create(
    { do: "true", tags: { set: "b" } },
    { do: "true", tags: { set: "a", x: "y" } },
  );
  await lab.until([mine], "JOB_FINISHED");
  expect(await lab.job(mine)).toMatchObject({ batchJobId });
  expect(await lab.job(other)).toMatchObject({ state: "PREPROCESSED", batchJobId: null });
});

test("where more cores are promised than there are, jobs run unpinned, and that is said once", async () => {
  const pilot = lab.startPilot({ node: { cores: 300, gpus: 0, memoryBytes: null } });
  const ids = await lab.create(
    ...[1, 2, 3].map(() => ({ do: "grep Cpus_allowed_list /proc/self/status", threadsPerRank: 100 })),
  );
  await lab.until(ids, "JOB_FINISHED");
  const allowed = /Cpus_allowed_list:\s*\S+/.exec(readFileSync("/proc/self/status", "utf8"))?.[0];
  for (const id of ids) expect(await lab.file(id, "job.out")).toContain(allowed);
  expect(pilot.log.filter(({ msg }) => msg.includes("unpinned"))).toHaveLength(1);
});
