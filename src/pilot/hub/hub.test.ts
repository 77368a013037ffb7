import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeClock, settle } from "../../../test/setup/fake-clock.ts";
import { SimulatedNode, type SimulatedRun } from "../../../test/setup/simulated-node.ts";
import { DEFAULT_RESOURCES, type Resources } from "../../model/resources.ts";
import type { TaskSpec } from "../link/messages.ts";
import { Hub, type TaskOutcome } from "./hub.ts";
import { type HubTask, type TaskPlace, taskName } from "./task.ts";

const spec = (task: Pick<HubTask, "id" | "attempt">, places: readonly TaskPlace[]): TaskSpec => ({
  ...{ task: taskName(task), attempt: task.attempt, command: "true", preamble: null, workdir: "/w" },
  ...{ stdout: "job.out", stderr: "job.err", environment: {}, threadsPerRank: 1, limitSec: null, graceSec: 1 },
  ...{ inputs: [], outputs: [], steering: null, jobFile: null },
  cores: places[0]?.cores ?? null,
  gpus: places[0]?.gpus ?? [],
});
const taskOf = (id: number, resources: Partial<Resources> = {}, part: Partial<HubTask> = {}): HubTask => ({
  ...{ id, attempt: 1, priority: 0, isWide: false, resources: { ...DEFAULT_RESOURCES, ...resources } },
  makeSpec: (places) => spec({ id, attempt: 1 }, places),
  ...part,
});

function play({ cores = [2], run }: { cores?: number[]; run?: (spec: TaskSpec) => SimulatedRun } = {}) {
  const clock = new FakeClock();
  const told: string[] = [];
  const ended = new Map<number, TaskOutcome[]>();
  const drained: string[] = [];
  const hub = new Hub({
    clock,
    endsAt: null,
    onDrained: (hostname, why) => drained.push(`${hostname}: ${why}`),
    events: {
      mayStart: () => true,
      starting: (tasks) => told.push(`starting ${tasks.map(({ id }) => id).join(",")}`),
      started: ({ id }) => told.push(`started ${id}`),
      ended: ({ id }, outcome) => {
        told.push(`ended ${id}`);
        ended.set(id, [...(ended.get(id) ?? []), outcome]);
      },
      recalled: ({ id }) => told.push(`recalled ${id}`),
      handedBack: ({ id }, why) => told.push(`handed back ${id}: ${why}`),
      changed: () => {},
    },
  });
  const join = (count: number, index: number) => {
    const node = new SimulatedNode(clock, run);
    const send = node.connect((message) => hub.receive(added, message));
    const capacity = { cores: count, gpus: 0, memoryBytes: 0 };
    const promise = { capacity, cores: Array.from({ length: count }, (_, core) => 10 * index + core), gpus: [] };
    const added = hub.addNode({ hostname: `node${index}`, agent: `agent${index}`, promise, send });
    return { node, added };
  };
  const nodes = cores.map(join);
  return { clock, hub, nodes, join, told, ended, drained, node: nodes[0]?.node ?? new SimulatedNode(clock) };
}

test("a task is announced before its node hears of it, and a freed place is filled before its end is told", async () => {
  const { clock, hub, told } = play({ cores: [1] });
  hub.admit([taskOf(1), taskOf(2)]);
  await clock.advance(1500);
  expect(told).toEqual(["starting 1", "started 1", "starting 2", "ended 1", "started 2"]);
});

test("a task that is held already is not taken twice", async () => {
  const { clock, hub, node } = play();
  hub.admit([taskOf(1)]);
  hub.admit([taskOf(1), taskOf(2)]);
  await clock.advance(100);
  expect(node.started.map(({ task }) => task)).toEqual(["1.1", "2.1"]);
});

test("tasks are pinned to the cores of their node as it numbers them", async () => {
  const { clock, hub, nodes } = play({ cores: [1, 2] });
  hub.admit([taskOf(1, { threadsPerRank: 2 })]);
  await clock.advance(10);
  expect(nodes[1]?.node.started[0]?.cores).toEqual([10, 11]);
});

test("a task that cannot be made leaves its place to the next one at once", async () => {
  const { clock, hub, node, ended } = play({ cores: [1] });
  const broken = taskOf(
    1,
    {},
    {
      makeSpec: () => {
        throw new Error("no such parameter");
      },
    },
  );
  hub.admit([broken, taskOf(2)]);
  await clock.advance(10);
  expect(ended.get(1)).toEqual([{ kind: "refused", why: "no such parameter" }]);
  expect([...node.running.keys()]).toEqual(["2.1"]);
});

test("a task that spans more nodes than have come waits while others may come, and goes back when none will", async () => {
  const { clock, hub, join, told } = play({ cores: [2] });
  hub.expectNodes(true);
  hub.admit([taskOf(1, { nodes: 2 }, { isWide: true }), taskOf(2, { nodes: 3 }, { isWide: true })]);
  await clock.advance(10_000);
  expect(told).toEqual([]);
  join(2, 1);
  await clock.advance(100);
  expect(told).toEqual(["starting 1", "started 1"]);
  hub.expectNodes(false);
  await clock.advance(5000);
  expect(told).toContain("handed back 2: no node of this pilot can hold it");
});

test("a paused hub starts nothing, a resumed one what waits", async () => {
  const { clock, hub, node } = play();
  hub.pause();
  hub.admit([taskOf(1)]);
  await clock.advance(10_000);
  expect(node.started).toEqual([]);
  hub.resume();
  await settle();
  expect(node.running.size).toBe(1);
});

test("what a lost node ran is lost with the reason, and what waits goes to the others", async () => {
  const { clock, hub, nodes, ended } = play({ cores: [2, 2] });
  hub.admit([1, 2, 3, 4, 5, 6].map((id) => taskOf(id)));
  await clock.advance(10);
  const [first, second] = nodes;
  if (!first || !second) throw new Error("two nodes");
  first.node.isDead = true;
  hub.nodeGone(first.added);
  await clock.advance(2500);
  expect(ended.size).toBe(4);
  hub.nodeLost(first.added, "killed");
  const lost = [...ended].filter(([, outcomes]) => outcomes[0]?.kind === "lost");
  expect(lost).toHaveLength(2);
  expect(lost[0]?.[1]).toEqual([{ kind: "lost", startedAt: expect.any(Number), why: "killed" }]);
});

test("a task over several nodes is lost when one of them is, and ended on the others", async () => {
  const { clock, hub, nodes, ended } = play({ cores: [2, 2], run: () => ({ lastsMs: null }) });
  hub.admit([taskOf(1, { nodes: 2, ranksPerNode: 2 })]);
  await clock.advance(10);
  const first = nodes.find(({ node }) => node.running.size === 1);
  const other = nodes.find((each) => each !== first);
  if (other) hub.nodeLost(other.added, "killed");
  await clock.advance(10);
  expect(first?.node.running.size).toBe(0);
  expect(ended.get(1)).toEqual([{ kind: "lost", startedAt: expect.any(Number), why: "killed" }]);
});

test("[B20] behind short tasks others wait at their node and take their places without the hub", async () => {
  const { clock, hub, node, ended } = play({ cores: [2], run: () => ({ lastsMs: 4 }) });
  hub.admit(Array.from({ length: 40 }, (_, index) => taskOf(index + 1)));
  await clock.advance(30);
  expect(node.waiting.size).toBeGreaterThan(1);
  // What the node says no longer arrives: it goes on all the same.
  const before = node.started.length;
  node.isDead = true;
  await clock.advance(10);
  expect(node.started.length - before).toBeGreaterThanOrEqual(4);
  expect(ended.size).toBeLessThan(before);
  expect(node.peak).toBe(2);
});

test("nothing is put behind long tasks, nor before it is known that tasks are short", async () => {
  const { clock, hub, node } = play({ cores: [2], run: () => ({ lastsMs: 500 }) });
  hub.admit(Array.from({ length: 100 }, (_, index) => taskOf(index + 1)));
  for (let step = 0; step < 100; step += 1) {
    await clock.advance(100);
    expect(node.waiting.size).toBe(0);
  }
});

test("a task behind one that turns out long is taken back and runs elsewhere", async () => {
  const { clock, hub, node, told, ended } = play({
    cores: [2],
    run: ({ task }) => ({ lastsMs: task === "30.1" ? 60_000 : 4 }),
  });
  hub.admit(Array.from({ length: 60 }, (_, index) => taskOf(index + 1)));
  await clock.advance(1000);
  expect(ended.size).toBe(59);
  expect([...node.running.keys()]).toEqual(["30.1"]);
  expect(told.some((line) => line.startsWith("recalled"))).toBe(true);
});

test("a task in a line can be killed, and those behind it keep their order", async () => {
  const { clock, hub, node, ended } = play({ cores: [1], run: () => ({ lastsMs: 4 }) });
  hub.admit(Array.from({ length: 60 }, (_, index) => taskOf(index + 1)));
  await clock.advance(50);
  const waiting = [...node.waiting.keys()].map((name) => Number.parseInt(name, 10));
  expect(waiting.length).toBeGreaterThan(1);
  for (const id of waiting) hub.end(id, "killed", 1);
  await clock.advance(1000);
  expect(ended.size).toBe(60);
  for (const id of waiting)
    expect(ended.get(id)).toMatchObject([{ kind: "ended", asked: "killed", end: { startedAt: null } }]);
  expect(node.peak).toBe(1);
});

test("a wide task is not kept waiting by lines of short ones", async () => {
  const { clock, hub, ended } = play({ cores: [4], run: () => ({ lastsMs: 4 }) });
  let id = 0;
  const feed = () => hub.admit(Array.from({ length: 200 }, () => taskOf(++id)));
  feed();
  await clock.advance(200);
  hub.admit([taskOf(9999, { threadsPerRank: 4 })]);
  for (let step = 0; step < 100 && !ended.has(9999); step += 1) {
    if (hub.waitingTasks < 100) feed();
    await clock.advance(50);
  }
  expect(ended.has(9999)).toBe(true);
});

test("whatever tasks last and whoever is killed or asked for, each runs at most once and no core is used twice", async () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constant("admit" as const), count: fc.integer({ min: 1, max: 30 }) }),
    },
    { weight: 6, arbitrary: fc.record({ type: fc.constant("wait" as const), count: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("kill" as const), count: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("give" as const), count: fc.integer({ min: 1, max: 10 }) }) },
  );
  const durations = fc.array(fc.constantFrom(1, 3, 5, 20, 400), { minLength: 5, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), durations, async (steps, lasts) => {
      const used = new Set<string>();
      const { clock, hub, nodes, ended } = play({
        cores: [2, 3],
        run: ({ task, cores }) => {
          const at = cores?.join() ?? "";
          const now = [...nodes.flatMap(({ node }) => [...node.running.values()])].map(({ spec: other }) =>
            other.cores?.join(),
          );
          expect(now).not.toContain(at);
          expect(used.has(task)).toBe(false);
          used.add(task);
          return { lastsMs: lasts[Number.parseInt(task, 10) % lasts.length] ?? 1 };
        },
      });
      let id = 0;
      const given = new Set<number>();
      for (const { type, count } of steps) {
        if (type === "admit") hub.admit(Array.from({ length: count }, () => taskOf(++id)));
        if (type === "wait") await clock.advance(count);
        const held = hub.heldIds();
        const chosen = held[count % Math.max(1, held.length)];
        if (type === "kill" && chosen !== undefined) {
          if (hub.forget(chosen)) given.add(chosen);
          else hub.end(chosen, "killed", 1);
        }
        if (type === "give") for (const task of hub.giveUp(count)) given.add(task.id);
      }
      await clock.advance(60_000);
      expect(ended.size + given.size).toBe(id);
      for (const outcomes of ended.values()) expect(outcomes).toHaveLength(1);
      expect(hub.heldIds()).toEqual([]);
      expect(hub.room().free.cores).toBe(5);
    }),
    { numRuns: 60 },
  );
});

const wide = (id: number, part: Partial<HubTask> = {}): HubTask => taskOf(id, { nodes: 2 }, part);

test("a task over several nodes ends when each of them has said that nothing of it is left", async () => {
  const { clock, hub, nodes, ended, told } = play({ cores: [1, 1] });
  const [first, second] = nodes.map(({ node }) => node);
  if (!first || !second) throw new Error("no nodes");
  second.confirms = false;
  hub.admit([wide(1), taskOf(2)]);
  await clock.advance(500);
  expect([...second.shared]).toEqual(["1.1"]);
  await clock.advance(1000);
  // The first node has confirmed: its place is taken, the other's is not.
  expect(told).toContain("started 2");
  expect(ended.has(1)).toBe(false);
  expect(hub.room().free.cores).toBe(0);
  const { added } = nodes[1] ?? {};
  if (added) hub.receive(added, { type: "cleared", tasks: [{ task: "1.1", left: [] }] });
  expect(ended.get(1)).toMatchObject([{ kind: "ended", end: { exitCode: 0 } }]);
  expect(hub.room().free.cores).toBe(1);
});

test("a node where something of a task cannot be ended gets nothing more, and that is said", async () => {
  const { clock, hub, nodes, ended, drained } = play({ cores: [1, 1] });
  const second = nodes[1]?.node;
  if (!second) throw new Error("no node");
  second.stuck = [4711];
  hub.admit([wide(1), taskOf(2), taskOf(3)]);
  await clock.advance(10_000);
  expect(drained).toEqual(["node1: processes 4711 of task 1.1 cannot be ended"]);
  expect(ended.get(1)).toMatchObject([{ kind: "ended" }]);
  expect(second.started).toEqual([]);
  expect(nodes[0]?.node.started.map(({ task }) => task)).toEqual(["1.1", "2.1", "3.1"]);
});

test("a task whose starting node is lost is ended on its other nodes before it is told lost", async () => {
  const { clock, hub, nodes, ended } = play({ cores: [1, 1], run: () => ({ lastsMs: null }) });
  const [first, second] = nodes;
  if (!first || !second) throw new Error("no nodes");
  hub.admit([wide(1)]);
  await clock.advance(10);
  first.node.isDead = true;
  hub.nodeLost(first.added, "no power");
  expect(ended.has(1)).toBe(false);
  await clock.advance(10);
  expect(ended.get(1)).toMatchObject([{ kind: "lost", why: "no power" }]);
  expect(second.node.shared.size).toBe(0);
  expect(hub.room().free.cores).toBe(1);
});

test("a launcher that fails because a node went is no failure of the task, and is told when that node surely runs nothing", async () => {
  const failing = { lastsMs: 1000, end: { exitCode: 1 } };
  const { clock, hub, nodes, ended } = play({ cores: [1, 1], run: () => failing });
  const second = nodes[1];
  if (!second) throw new Error("no node");
  hub.admit([wide(1)]);
  await clock.advance(500);
  second.node.isDead = true;
  hub.nodeGone(second.added);
  await clock.advance(5000);
  expect(ended.has(1)).toBe(false);
  hub.nodeLost(second.added, "no power");
  expect(ended.get(1)).toMatchObject([{ kind: "lost", why: "no power" }]);
});

test("a task that only the batch host can start is started there, with no place taken on it", async () => {
  const { clock, hub, nodes, ended, node } = play({ cores: [2] });
  const host = new SimulatedNode(clock);
  const promise = { capacity: { cores: 0, gpus: 0, memoryBytes: 0 }, cores: [], gpus: [] };
  const added = hub.addNode({
    ...{ hostname: "batch", agent: "b", promise, isBatchHost: true },
    send: host.connect((message) => hub.receive(added, message)),
  });
  expect(hub.room()).toMatchObject({ nodes: 1, free: { wholeNodes: 1 } });
  hub.admit([taskOf(1, { ranksPerNode: 2 }, { startsOn: "batch-host" }), taskOf(2)]);
  await clock.advance(500);
  expect(host.started.map(({ task }) => task)).toEqual(["1.1"]);
  expect([...node.shared]).toEqual(["1.1"]);
  await clock.advance(5000);
  expect(ended.get(1)).toMatchObject([{ kind: "ended" }]);
  expect(nodes[0]?.node.started.map(({ task }) => task)).toEqual(["2.1"]);
});

test("whichever nodes are lost under wide tasks, each task ends once and every place comes back", async () => {
  const step = fc.record({
    type: fc.constantFrom("admit", "admit", "wait", "wait", "kill", "lose", "stick"),
    count: fc.nat(40),
    wide: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { clock, hub, nodes, ended, drained, told } = play({ cores: [2, 2, 2], run: () => ({ lastsMs: 200 }) });
      let id = 0;
      let lost = 0;
      for (const { type, count, wide: width } of steps) {
        const node = nodes[count % nodes.length];
        if (type === "admit") {
          id += 1;
          hub.admit([taskOf(id, { nodes: width, threadsPerRank: 1 + (count % 2) })]);
        }
        if (type === "wait") await clock.advance(count * 5);
        if (type === "kill") hub.end(1 + (count % Math.max(1, id)), "killed", 1);
        if (type === "stick" && node) node.node.stuck = count % 5 === 0 ? [count] : [];
        // One node stays, or nothing could run at all.
        if (type === "lose" && lost < 2 && node && !node.node.isDead) {
          lost += 1;
          node.node.isDead = true;
          hub.nodeGone(node.added);
          await clock.advance(count);
          hub.nodeLost(node.added, "no power");
        }
      }
      for (const { node } of nodes) node.stuck = [];
      await clock.advance(120_000);
      for (const outcomes of ended.values()) expect(outcomes).toHaveLength(1);
      expect(hub.runningTasks).toBe(0);
      const up = nodes.filter(({ node, added }) => !node.isDead && added.slot.isUp);
      expect(hub.room().free.cores).toBe(2 * up.length);
      expect(up.length).toBeGreaterThanOrEqual(3 - lost - drained.length);
      // What has no end waits for nodes that there are not, or went back for want of them.
      for (let task = 1; task <= id; task += 1) {
        const wentBack = told.some((line) => line.startsWith(`handed back ${task}:`));
        expect(ended.has(task) || hub.holds(task) || wentBack).toBe(true);
      }
    }),
    { numRuns: 150 },
  );
});
