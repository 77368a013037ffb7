import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { DEFAULT_RESOURCES } from "../../../model/resources.ts";
import { systemClock } from "../clock.ts";
import { Hub, type TaskOutcome } from "../hub.ts";
import { type HubTask, taskName } from "../task.ts";
import { NodeKeeper } from "./keep.ts";

const dist = process.env.CONIFER_TEST_DIST ?? fileURLToPath(new URL("../../../../dist", import.meta.url));
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A hub with a real node agent; long tasks unless they say otherwise. */
async function play({
  silenceMs,
  program = join(dist, "pilot-node.js"),
}: {
  silenceMs?: number;
  program?: string;
} = {}) {
  const directory = mkdtempSync(join(tmpdir(), "conifer-keep-"));
  const ended = new Map<number, TaskOutcome>();
  const logged: string[] = [];
  const hopeless: string[] = [];
  const hub = new Hub({
    clock: systemClock,
    endsAt: null,
    events: {
      mayStart: () => true,
      starting() {},
      started() {},
      recalled() {},
      handedBack() {},
      changed() {},
      ended: (task, outcome) => ended.set(task.id, outcome),
    },
  });
  const keeper = new NodeKeeper({
    hub,
    clock: systemClock,
    promise: { cores: 2, gpus: 0, memoryBytes: null },
    agent: {
      program,
      root: join(directory, "data"),
      logFile: join(directory, "node.log"),
      environment: process.env,
      graceSec: 1,
    },
    log: (_level, message, about) => logged.push(`${message} ${JSON.stringify(about ?? {})}`),
    onHopeless: (why) => hopeless.push(why),
    ...(silenceMs === undefined ? {} : { silenceMs }),
  });
  closing.push(async () => {
    await keeper.close(2000);
    rmSync(directory, { recursive: true, force: true });
  });
  const task = (id: number, command = "sleep 1000"): HubTask => ({
    ...{ id, attempt: 1, priority: 0, isWide: false, resources: DEFAULT_RESOURCES },
    makeSpec: ([place]) => ({
      ...{ task: taskName({ id, attempt: 1 }), attempt: 1, command, preamble: null },
      ...{ workdir: join(directory, "data", `task_${id}`), stdout: "job.out", stderr: "job.err", environment: {} },
      ...{ cores: place?.cores ?? null, gpus: [], threadsPerRank: 1, limitSec: null, graceSec: 1 },
      ...{ inputs: [], outputs: [], steering: null, jobFile: null },
    }),
  });
  const agentPids = () => logged.flatMap((line) => /^node agent started .*"agent":(\d+)/.exec(line)?.[1] ?? []);
  return { hub, keeper, ended, logged, hopeless, task, directory, agentPid: () => Number(agentPids().at(-1)) };
}

/** A killed process that nobody has waited for yet is not alive. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

test("tasks run on the agent and its end is orderly", async () => {
  const { hub, keeper, ended, task, logged } = await play();
  await keeper.open();
  hub.admit([task(1, "echo hello")]);
  await expect.poll(() => ended.get(1)).toMatchObject({ kind: "ended", end: { exitCode: 0 } });
  await keeper.close(5000);
  expect(logged.at(-1)).toContain("it ended with 0");
});

test("an agent that was killed is replaced, and what it ran is dead before it is told lost", async () => {
  const { hub, keeper, ended, task, agentPid, directory } = await play();
  await keeper.open();
  hub.admit([task(1, "echo $$ > pid; exec sleep 1000")]);
  const file = join(directory, "data/task_1/pid");
  await expect.poll(() => existsSync(file) && Number(readFileSync(file, "utf8"))).toBeGreaterThan(0);
  const pid = Number(readFileSync(file, "utf8"));
  const first = agentPid();
  process.kill(first, "SIGKILL");
  await expect.poll(() => ended.get(1)).toMatchObject({ kind: "lost", why: "its node agent died: it died of SIGKILL" });
  expect(isAlive(pid)).toBe(false);
  hub.admit([task(2, "true")]);
  await expect.poll(() => ended.get(2)).toMatchObject({ kind: "ended" });
  expect(agentPid()).not.toBe(first);
});

test("[B17] an agent that hangs is noticed and killed, not waited for", async () => {
  const { hub, keeper, ended, task, agentPid, logged } = await play({ silenceMs: 300 });
  await keeper.open();
  hub.admit([task(1)]);
  await expect.poll(() => hub.runningTasks).toBe(1);
  const first = agentPid();
  process.kill(first, "SIGSTOP");
  await expect.poll(() => ended.get(1), { timeout: 10_000 }).toMatchObject({ kind: "lost" });
  expect(logged.some((line) => line.startsWith("the node agent does not answer"))).toBe(true);
  await expect.poll(agentPid).not.toBe(first);
});

test("an agent that is asked and answers is left alone", async () => {
  const { keeper, agentPid } = await play({ silenceMs: 400 });
  await keeper.open();
  const first = agentPid();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(agentPid()).toBe(first);
});

test("[B17] closing does not wait for an agent that hangs, and what it ran is ended and told lost", async () => {
  const { hub, keeper, ended, task, agentPid } = await play();
  await keeper.open();
  hub.admit([task(1)]);
  await expect.poll(() => hub.runningTasks).toBe(1);
  process.kill(agentPid(), "SIGSTOP");
  await keeper.close(200);
  expect(ended.get(1)).toMatchObject({ kind: "lost" });
});

test("an agent that cannot start says where its log is", async () => {
  const { keeper } = await play({ program: "/nowhere/pilot-node.js" });
  await expect(keeper.open()).rejects.toMatchObject({
    code: "LINK_BROKEN",
    message: expect.stringContaining("node.log"),
  });
});
