import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test, vi } from "vitest";
import type { TaskSpec } from "../link/messages.ts";
import { type PlayedHub, playHub } from "./played-hub.ts";

/** Ignores SIGTERM, and so do its child, its child in another session, and a grandchild of that; writes their process ids. */
const stubborn = `trap '' TERM
sh -c 'echo $$; while :; do sleep 1; done' &
setsid sh -c 'echo $$; sh -c "echo \\$\\$; while :; do sleep 1; done" & while :; do sleep 1; done' &
echo $$; while :; do sleep 1; done`;

async function pidsOf(hub: PlayedHub, task: TaskSpec, count: number): Promise<number[]> {
  return vi.waitFor(() => {
    const pids = hub.read(task).split("\n").filter(Boolean).map(Number);
    expect(pids).toHaveLength(count);
    return pids;
  }, 20_000);
}

/** A zombie that nobody waits for yet does not live. */
function lives(pid: number): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

const allGone = (pids: readonly number[]) => vi.waitFor(() => expect(pids.filter(lives)).toEqual([]), 20_000);

test("a task over its limit that ignores SIGTERM and scattered its children is really ended before that is said", async () => {
  await using hub = playHub();
  const task = hub.start({ command: stubborn, limitSec: 0.5, graceSec: 0.2 });
  const pids = await pidsOf(hub, task, 4);
  expect(await hub.ended(task)).toMatchObject({ reason: "limit", exitCode: null, signal: "SIGKILL" });
  expect(pids.filter(lives)).toEqual([]);
  const next = await hub.run({ command: "true" });
  expect(next).toMatchObject({ exitCode: 0 });
});

test("a killed task that ends in order takes along the children that do not", async () => {
  await using hub = playHub();
  const task = hub.start({
    command: `trap '' HUP; (${stubborn}) & echo $$; trap 'exit 0' TERM; while :; do sleep 0.1; done`,
  });
  const pids = await pidsOf(hub, task, 5);
  hub.channel.send({ type: "end", tasks: [{ task: task.task, graceSec: 30, reason: "killed" }] });
  expect(await hub.ended(task)).toMatchObject({ reason: "killed", exitCode: 0 });
  expect(pids.filter(lives)).toEqual([]);
});

test("a second request with less grace shortens the first", async () => {
  await using hub = playHub();
  const task = hub.start({ command: stubborn });
  await pidsOf(hub, task, 4);
  const end = (graceSec: number) =>
    hub.channel.send({ type: "end", tasks: [{ task: task.task, graceSec, reason: "killed" }] });
  end(3600);
  end(0);
  expect(await hub.ended(task)).toMatchObject({ reason: "killed", signal: "SIGKILL" });
});

test("a task that made a process group of its own gets SIGTERM too", async () => {
  await using hub = playHub();
  const task = hub.start({
    command: `timeout 1000 sh -c 'trap "echo saved; exit" TERM; echo ready; while :; do sleep 0.1; done'`,
  });
  await vi.waitFor(() => expect(hub.read(task)).toBe("ready\n"));
  hub.channel.send({ type: "end", tasks: [{ task: task.task, graceSec: 3600, reason: "killed" }] });
  expect(await hub.ended(task)).toMatchObject({ reason: "killed" });
  expect(hub.read(task)).toBe("ready\nsaved\n");
});

test("tasks told to end the moment they start get SIGTERM all the same", async () => {
  await using hub = playHub();
  const tasks = Array.from({ length: 40 }, () => hub.start({ command: "sleep 1000" }));
  const requests = tasks.map(({ task }) => ({ task, graceSec: 3600, reason: "killed" as const }));
  hub.channel.send({ type: "end", tasks: requests });
  for (const task of tasks) expect(await hub.ended(task)).toMatchObject({ reason: "killed", signal: "SIGTERM" });
});

test("a task that wiped its environment gets SIGTERM too", async () => {
  await using hub = playHub();
  const task = hub.start({ command: "env -i /bin/sleep 1000" });
  await hub.started(task);
  hub.channel.send({ type: "end", tasks: [{ task: task.task, graceSec: 3600, reason: "killed" }] });
  expect(await hub.ended(task)).toMatchObject({ signal: "SIGTERM" });
});

test("a stopped task ends on SIGTERM", async () => {
  await using hub = playHub();
  const task = hub.start({ command: "echo $$; kill -STOP $$" });
  const [pid = 0] = await pidsOf(hub, task, 1);
  await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/status`, "utf8")).toMatch(/State:\s*T/));
  hub.channel.send({ type: "end", tasks: [{ task: task.task, graceSec: 60, reason: "killed" }] });
  expect(await hub.ended(task)).toMatchObject({ signal: "SIGTERM" });
});

test("what a finished task left running is ended, and other tasks are not", async () => {
  await using hub = playHub();
  const other = hub.start({ command: "echo $$; sleep 1000; true" });
  const [otherPid = 0] = await pidsOf(hub, other, 1);
  const deaf = `setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 0.2; done'`;
  const task = hub.start({
    command: `${deaf} & sh -c 'echo $$; sleep 1000' & until [ "$(wc -l <job.out)" = 2 ]; do sleep 0.02; done`,
  });
  expect(await hub.ended(task)).toMatchObject({ reason: "exit", exitCode: 0 });
  const pids = await pidsOf(hub, task, 2);
  await allGone(pids);
  expect(lives(otherPid)).toBe(true);
});

test("a task shell that is killed costs its task, which is lost, and no other", async () => {
  await using hub = playHub();
  const task = hub.start({ command: stubborn });
  const pids = await pidsOf(hub, task, 4);
  process.kill((await hub.started(task)).pid, "SIGKILL");
  expect(await hub.ended(task)).toMatchObject({
    reason: "lost",
    signal: "SIGKILL",
    message: expect.stringMatching(/not known/),
  });
  expect(pids.filter(lives)).toEqual([]);
  expect(await hub.run({ command: "true" })).toMatchObject({ exitCode: 0 });
});

test("after kill -9 of the agent nothing of its tasks runs, its task shells and private files are gone", async () => {
  await using hub = playHub({ inOwnProcess: true });
  const tasks = [1, 2].map(() => hub.start({ command: stubborn, jobFile: {} }));
  const wiped = hub.start({
    command: "exec env -i PATH=/usr/bin:/bin sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done'",
  });
  const jobFile = hub.start({ command: 'echo "$CONIFER_JOB_FILE"', jobFile: {} });
  await hub.ended(jobFile);
  const pids = (await Promise.all([...tasks.map((task) => pidsOf(hub, task, 4)), pidsOf(hub, wiped, 1)])).flat();
  const taskShells = hub.starts.map((start) => start.pid);
  const directory = dirname(hub.read(jobFile).trim());
  expect(existsSync(directory)).toBe(true);
  hub.process?.kill("SIGKILL");
  expect(await hub.gone).toBe("SIGKILL");
  await allGone([...pids, ...taskShells]);
  await vi.waitFor(() => expect(existsSync(directory)).toBe(false), 20_000);
});

test("a reaper that is killed is replaced by one that knows the groups", async () => {
  await using hub = playHub({ inOwnProcess: true });
  const task = hub.start({ command: stubborn });
  const pids = await pidsOf(hub, task, 4);
  const reaper = await vi.waitFor(() => reaperOf(hub));
  process.kill(reaper, "SIGKILL");
  await vi.waitFor(() => expect(hub.logs.join()).toMatch(/reaper was killed/));
  await vi.waitFor(() => expect(reaperOf(hub)).not.toBe(reaper));
  hub.process?.kill("SIGKILL");
  await allGone(pids);
});

/** The agent's child whose arguments hold the reaper's script. */
function reaperOf(hub: PlayedHub): number {
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const read = (file: string) => readFileSync(`/proc/${name}/${file}`, "utf8");
    try {
      if (
        read("stat").split(") ")[1]?.split(" ")[1] === String(hub.process?.pid) &&
        read("cmdline").includes("change group ||")
      )
        return Number(name);
    } catch {
      // Ended meanwhile.
    }
  }
  throw new Error("no reaper yet");
}

test("when its hub goes away the agent ends its tasks, at first politely, and itself", async () => {
  await using hub = playHub({ inOwnProcess: true, graceSec: 0.5 });
  const polite = hub.start({ command: "trap 'echo saved; exit' TERM; echo ready; sleep 1000 & wait" });
  await vi.waitFor(() => expect(hub.read(polite)).toBe("ready\n"));
  const deaf = hub.start({ command: stubborn });
  const pids = await pidsOf(hub, deaf, 4);
  hub.channel.close();
  expect(await hub.gone).toBe(0);
  await allGone(pids);
  expect(hub.read(polite)).toBe("ready\nsaved\n");
});

test("told to shut down, the agent reports every task's end first and starts no more", async () => {
  await using hub = playHub({ inOwnProcess: true });
  const tasks = Array.from({ length: 5 }, () => hub.start({ command: "sleep 1000" }));
  await hub.started(tasks[4] as TaskSpec);
  const waiting = tasks.map(({ task }) => hub.start({ command: "true", after: task }));
  hub.channel.send({ type: "shutdown", graceSec: 20 });
  const late = hub.start({ command: "true" });
  expect(await hub.gone).toBe(0);
  await Promise.all(
    tasks.map(async (task) =>
      expect(await hub.ended(task)).toMatchObject({ reason: "allocation-end", signal: "SIGTERM" }),
    ),
  );
  for (const task of waiting)
    expect(await hub.ended(task)).toMatchObject({ reason: "allocation-end", startedAt: null });
  expect(await hub.ended(late)).toMatchObject({ reason: "not-started", message: expect.stringMatching(/ending/) });
});

test("SIGTERM to the agent ends it like a lost hub, and tells the hub of the tasks", async () => {
  await using hub = playHub({ inOwnProcess: true, graceSec: 0.2 });
  const task = hub.start({ command: stubborn });
  const pids = await pidsOf(hub, task, 4);
  hub.process?.kill("SIGTERM");
  expect(await hub.ended(task)).toMatchObject({ reason: "allocation-end", signal: "SIGKILL" });
  expect(await hub.gone).toBe(0);
  expect(pids.filter(lives)).toEqual([]);
});

test("a link that breaks in the middle of a shutdown with a long grace ends the agent within its own", async () => {
  await using hub = playHub({ inOwnProcess: true, graceSec: 0.2 });
  const task = hub.start({ command: stubborn });
  const pids = await pidsOf(hub, task, 4);
  hub.channel.send({ type: "shutdown", graceSec: 3600 });
  hub.channel.close();
  expect(await hub.gone).toBe(0);
  await allGone(pids);
});

test("a message that does not read ends the agent with the reason in its log", async () => {
  await using hub = playHub({ inOwnProcess: true });
  await hub.hello();
  hub.process?.stdin?.write('{"type":"jump"}\n');
  expect(await hub.gone).toBe(0);
  expect(hub.logs.join()).toMatch(/unknown type "jump"/);
});

test("an agent answers pings", async () => {
  await using hub = playHub();
  hub.channel.send({ type: "ping", n: 7 });
  await vi.waitFor(() => expect(hub.pongs).toEqual([7]));
});

test("an agent without a root ends at once and says why", async () => {
  await using hub = playHub({ inOwnProcess: true, root: "/dev/null/root" });
  expect(await hub.gone).toBe(1);
  expect(hub.logs.join()).toMatch(/ENOTDIR/);
});

test("an agent with nothing to do does not wake up", async () => {
  await using hub = playHub({ inOwnProcess: true });
  await hub.run({ command: "true" });
  const reads = () =>
    Number(/voluntary_ctxt_switches:\s*(\d+)/.exec(readFileSync(`/proc/${hub.process?.pid}/status`, "utf8"))?.[1]);
  // The look for leftovers comes once after a task; then there is nothing to wake for.
  let [before, after] = [-1, reads()];
  await vi.waitFor(
    () => {
      [before, after] = [after, reads()];
      expect(after).toBe(before);
    },
    { timeout: 20_000, interval: 1500 },
  );
});
