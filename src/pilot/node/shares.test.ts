import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { afterEach, expect, test, vi } from "vitest";
import type { NodeMessage } from "../link/messages.ts";
import { type PlayedHub, playHub } from "./played-hub.ts";

const started: ChildProcess[] = [];
const hubs: PlayedHub[] = [];
afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub[Symbol.asyncDispose]();
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

/** A process as a rank looks that another agent's launcher has brought here. */
async function rank(script: string, agent: string, task = "7.1"): Promise<ChildProcess> {
  const env = { PATH: process.env.PATH, CONIFER_TASK: task, CONIFER_NODE_AGENT: agent };
  const child = spawn("sh", ["-c", `echo up; ${script}`], { env, detached: true, stdio: ["ignore", "pipe", "ignore"] });
  started.push(child);
  await once(child.stdout, "data");
  return child;
}

const isUp = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode === null && signalCode === null;

function play(choice: Parameters<typeof playHub>[0] = {}) {
  const hub = playHub({ graceSec: 0.2, ...choice });
  hubs.push(hub);
  const agent = randomBytes(8).toString("hex");
  const begin = (task = "7.1") => hub.channel.send({ type: "share", begin: [{ task, agent }], end: [] });
  const end = (isForced: boolean, task = "7.1") =>
    hub.channel.send({ type: "share", begin: [], end: [{ task, agent, isForced }] });
  const cleared = (): Promise<Extract<NodeMessage, { type: "cleared" }>["tasks"][number]> =>
    vi.waitFor(
      () => {
        const [answer] = hub.cleared;
        if (!answer) throw new Error("nothing is cleared yet");
        return answer;
      },
      { timeout: 20_000, interval: 2 },
    );
  return { hub, agent, begin, end, cleared };
}

test("a shared task that has left nothing is clear at once", async () => {
  const { begin, end, cleared } = play();
  begin();
  const since = performance.now();
  end(false);
  expect(await cleared()).toEqual({ task: "7.1", left: [] });
  expect(performance.now() - since).toBeLessThan(2000);
});

test("what a launcher on another node brought here and left behind is ended, whatever it ignores and wherever it went", async () => {
  const { agent, begin, end, cleared } = play();
  const stubborn = await rank("trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' & wait", agent);
  const other = await rank("sleep 1000", agent, "8.1");
  begin();
  end(false);
  expect(await cleared()).toEqual({ task: "7.1", left: [] });
  expect(isUp(stubborn)).toBe(false);
  expect(isUp(other)).toBe(true);
});

test("ranks that take their leave by themselves are not signalled", async () => {
  const { agent, begin, end, cleared } = play();
  const leaving = await rank("trap 'exit 3' TERM; sleep 0.1; exit 0", agent);
  begin();
  end(false);
  await cleared();
  await expect.poll(() => leaving.exitCode).toBe(0);
});

test("a forced end kills at once", async () => {
  const { agent, begin, end, cleared } = play();
  const child = await rank("trap '' TERM; while :; do sleep 1; done", agent);
  begin();
  end(true);
  await cleared();
  await expect.poll(() => child.signalCode).toBe("SIGKILL");
});

test("an agent whose hub goes ends what it has a share of", async () => {
  const { hub, agent, begin } = play();
  await hub.hello();
  const child = await rank("trap '' TERM; while :; do sleep 1; done", agent);
  begin();
  hub.channel.close();
  await hub.gone;
  await expect.poll(() => isUp(child)).toBe(false);
});

test("an agent that is killed leaves no share behind: its reaper ends it", async () => {
  const { hub, agent, begin } = play({ inOwnProcess: true });
  await hub.hello();
  const child = await rank("trap '' TERM; while :; do sleep 1; done", agent);
  begin();
  const other = await rank("sleep 1000", agent, "8.1");
  // The reaper is told through a pipe: once the agent answers, it has been written.
  hub.channel.send({ type: "ping", n: 1 });
  await expect.poll(() => hub.pongs).toEqual([1]);
  hub.process?.kill("SIGKILL");
  await expect.poll(() => isUp(child), { timeout: 20_000 }).toBe(false);
  expect(isUp(other)).toBe(true);
});
