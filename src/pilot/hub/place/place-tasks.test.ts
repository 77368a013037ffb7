import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULT_RESOURCES, type Resources } from "../../../model/resources.ts";
import { type PlacementState, placeTasks } from "./place-tasks.ts";
import { addNode, type Capacity, createPool, releaseShare, removeNode, type Share } from "./pool.ts";
import { gpuUnits, shapeOf } from "./shape.ts";
import { addWaiting, createWaiting } from "./waiting.ts";

const rules = { endsAt: null, patienceMs: 1000 };

function pilot(...capacities: Partial<Capacity>[]): PlacementState<string> {
  const pool = createPool();
  for (const capacity of capacities) addNode(pool, { cores: 4, gpus: 0, memoryBytes: 0, ...capacity });
  return { pool, waiting: createWaiting(), reservation: null };
}

let lastId = 0;
function ask(
  state: PlacementState<string>,
  resources: Partial<Resources>,
  { priority = 0, wide = false, since = 0 } = {},
): number {
  const id = ++lastId;
  const shape = shapeOf({ ...DEFAULT_RESOURCES, ...resources });
  addWaiting(state.waiting, { id, priority, shape, wide, since, payload: `job ${id}` });
  return id;
}

const ids = (round: { placed: readonly { task: { id: number } }[] }) => round.placed.map(({ task }) => task.id);
const end = (state: PlacementState<string>, shares: readonly Share[]) => {
  for (const share of shares) releaseShare(state.pool, share);
};

test("tasks start in order of priority, then of arrival", () => {
  const state = pilot({ cores: 3 });
  const first = ask(state, {});
  const second = ask(state, {});
  const urgent = ask(state, { threadsPerRank: 1, wallTimeMin: 5 }, { priority: 9 });
  const urgentToo = ask(state, {}, { priority: 9 });
  expect(ids(placeTasks(state, rules, 0))).toEqual([urgent, urgentToo, first]);
  expect([...state.waiting.byId.keys()]).toEqual([second]);
});

test("small tasks fill up a node that is in use before they open a new one", () => {
  const state = pilot({ cores: 8 }, { cores: 8 }, { cores: 8 });
  for (let count = 0; count < 8; count += 1) ask(state, {});
  const nodes = placeTasks(state, rules, 0).placed.map(({ shares }) => shares[0]?.node.index);
  expect(new Set(nodes).size).toBe(1);
});

test("a task gets consecutive cores where there are, and no core is given twice", () => {
  const state = pilot({ cores: 6 });
  ask(state, {});
  ask(state, { threadsPerRank: 2 });
  const [single] = placeTasks(state, rules, 0).placed;
  end(state, single?.shares ?? []);
  ask(state, { ranksPerNode: 3 });
  expect(placeTasks(state, rules, 0).placed[0]?.shares[0]?.cores).toEqual([3, 4, 5]);
  ask(state, {});
  expect(placeTasks(state, rules, 0).placed[0]?.shares[0]?.cores).toEqual([0]);
});

test("[B18] two half GPUs share a device, and a half never lies on two of them", () => {
  const state = pilot({ cores: 16, gpus: 2 });
  for (let count = 0; count < 5; count += 1) ask(state, { gpusPerRank: 0.75 });
  expect(placeTasks(state, rules, 0).placed.map(({ shares }) => shares[0]?.gpus)).toEqual([
    [{ device: 0, units: 0.75 * gpuUnits }],
    [{ device: 1, units: 0.75 * gpuUnits }],
  ]);
  const halves = pilot({ cores: 16, gpus: 2 });
  ask(halves, { ranksPerNode: 4, gpusPerRank: 0.5 });
  expect(placeTasks(halves, rules, 0).placed[0]?.shares[0]?.gpus).toEqual([
    { device: 0, units: gpuUnits },
    { device: 1, units: gpuUnits },
  ]);
});

test("shares of a GPU leave whole devices whole", () => {
  const state = pilot({ cores: 16, gpus: 3 });
  for (let count = 0; count < 6; count += 1) ask(state, { gpusPerRank: 1 / 6 });
  ask(state, { gpusPerRank: 2 });
  const gpus = placeTasks(state, rules, 0).placed.map(({ shares }) => shares[0]?.gpus.map(({ device }) => device));
  expect(gpus).toEqual([[0], [0], [0], [0], [0], [0], [1, 2]]);
});

test("[B18] memory is never promised twice", () => {
  const state = pilot({ cores: 64, memoryBytes: 1000 });
  for (let count = 0; count < 5; count += 1) ask(state, { memoryPerNodeBytes: 300 });
  expect(placeTasks(state, rules, 0).placed).toHaveLength(3);
});

test("a packing count bounds how many such tasks share a node, others may join", () => {
  const state = pilot({ cores: 64 });
  for (let count = 0; count < 5; count += 1) ask(state, { nodePackingCount: 3 });
  const free = ask(state, {});
  const placed = placeTasks(state, rules, 0).placed;
  expect(placed).toHaveLength(4);
  expect(placed.at(-1)?.task.id).toBe(free);
});

test("[B19] a job too big for now does not block those behind it", () => {
  const state = pilot({ cores: 4 });
  ask(state, { threadsPerRank: 3 });
  const running = placeTasks(state, rules, 0).placed;
  const big = ask(state, { threadsPerRank: 4 });
  const small = ask(state, {});
  expect(ids(placeTasks(state, rules, 0))).toEqual([small]);
  expect(state.waiting.byId.has(big)).toBe(true);
  end(state, running[0]?.shares ?? []);
});

test("once a task has been passed over for long enough, nodes are held for it until it starts", () => {
  const state = pilot({ cores: 4 });
  ask(state, { threadsPerRank: 3 });
  const [running] = placeTasks(state, rules, 0).placed;
  const big = ask(state, { threadsPerRank: 4 });
  ask(state, {});
  expect(placeTasks(state, rules, 1000).placed).toEqual([]);
  end(state, running?.shares ?? []);
  expect(ids(placeTasks(state, rules, 1500))).toEqual([big]);
  expect(state.reservation).toBeNull();
});

test("in front of a wide task starts only what ends before it or fits beside it", () => {
  const state = pilot({ cores: 8 });
  ask(state, { threadsPerRank: 4, wallTimeMin: 60 });
  placeTasks(state, rules, 0);
  const wide = ask(state, { threadsPerRank: 7 }, { wide: true });
  const long = ask(state, { wallTimeMin: 120 });
  const longToo = ask(state, { wallTimeMin: 120 });
  const unknown = ask(state, {});
  const short = ask(state, { wallTimeMin: 30 });
  expect(ids(placeTasks(state, rules, 0))).toEqual([long, short]);
  expect(state.reservation).toMatchObject({ task: wide, startsAt: 3_600_000 });
  expect([...state.waiting.byId.keys()]).toEqual([wide, longToo, unknown]);
});

test("a held node is not lost to a later task of the same shape with a higher priority", () => {
  const state = pilot({ cores: 4 });
  ask(state, {});
  const [running] = placeTasks(state, rules, 0).placed;
  const wide = ask(state, { threadsPerRank: 4 }, { wide: true });
  placeTasks(state, rules, 0);
  ask(state, { threadsPerRank: 4 }, { priority: 5 });
  placeTasks(state, rules, 0);
  end(state, running?.shares ?? []);
  expect(ids(placeTasks(state, rules, 0))).toEqual([wide]);
});

test("what cannot end before the allocation does is handed back with the reason", () => {
  const state = pilot({ cores: 4 });
  const long = ask(state, { wallTimeMin: 61 });
  const short = ask(state, { wallTimeMin: 60 });
  const unknown = ask(state, {});
  const round = placeTasks(state, { ...rules, endsAt: 3_600_000 }, 0);
  expect(ids(round)).toEqual([short, unknown]);
  expect(round.handedBack).toMatchObject([{ task: { id: long }, why: expect.stringContaining("60.0 minutes") }]);
});

test("a wide task that could only start too late is handed back instead of holding nodes", () => {
  const state = pilot({ cores: 4 });
  ask(state, { wallTimeMin: 50 });
  placeTasks(state, rules, 0);
  const wide = ask(state, { threadsPerRank: 4, wallTimeMin: 15 }, { wide: true });
  const round = placeTasks(state, { ...rules, endsAt: 3_600_000 }, 0);
  expect(round.handedBack.map(({ task }) => task.id)).toEqual([wide]);
  expect(state.reservation).toBeNull();
});

test("a task no node can ever hold is handed back", () => {
  const state = pilot({ cores: 4 }, { cores: 4 });
  const tooWide = ask(state, { nodes: 3 }, { wide: true });
  const tooDeep = ask(state, { threadsPerRank: 5 }, { wide: true });
  const round = placeTasks(state, rules, 0);
  expect(round.handedBack.map(({ task }) => task.id)).toEqual([tooWide, tooDeep]);
});

test("a task over several nodes gets its share on each, the tightest ones first", () => {
  const state = pilot({ cores: 4 }, { cores: 4 }, { cores: 4 });
  ask(state, {});
  placeTasks(state, rules, 0);
  ask(state, { nodes: 2, ranksPerNode: 2 });
  const [wide] = placeTasks(state, rules, 0).placed;
  expect(wide?.shares.map(({ node }) => node.freeCores)).toEqual([1, 2]);
});

test("nothing is placed on a node that is gone, and a reservation there is made anew", () => {
  const state = pilot({ cores: 2 }, { cores: 4 });
  ask(state, { threadsPerRank: 2 });
  ask(state, { threadsPerRank: 3 });
  const placed = placeTasks(state, rules, 0).placed;
  ask(state, { threadsPerRank: 2 }, { wide: true });
  placeTasks(state, rules, 0);
  const [small] = state.pool.nodes;
  expect(state.reservation?.spare.has(0)).toBe(true);
  if (small) removeNode(state.pool, small);
  for (const { shares } of placed) end(state, shares);
  expect(placeTasks(state, rules, 0).placed.map(({ shares }) => shares[0]?.node.index)).toEqual([1]);
});

const resources = fc.record({
  nodes: fc.integer({ min: 1, max: 3 }),
  ranksPerNode: fc.integer({ min: 1, max: 4 }),
  threadsPerRank: fc.integer({ min: 1, max: 3 }),
  threadsPerCore: fc.integer({ min: 1, max: 2 }),
  gpusPerRank: fc.constantFrom(0, 0, 0.25, 1 / 3, 0.5, 1, 1.5),
  memoryPerNodeBytes: fc.constantFrom(0, 100, 350, 999),
  nodePackingCount: fc.constantFrom(0, 0, 1, 2, 3, 7),
  wallTimeMin: fc.constantFrom(0, 1, 5, 60),
});

function checkNothingTwice(running: Iterable<readonly Share[]>): void {
  const cores = new Set<string>();
  const sums = new Map<string, number>();
  const add = (what: string, amount: number, most: number) => {
    const sum = (sums.get(what) ?? 0) + amount;
    sums.set(what, sum);
    expect(sum, what).toBeLessThanOrEqual(most + 1e-6);
  };
  for (const shares of running)
    for (const { node, shape, cores: own, gpus } of shares) {
      expect(own).toHaveLength(shape.cores);
      for (const core of own) {
        expect(core).toBeLessThan(node.capacity.cores);
        expect(cores.has(`${node.index}/${core}`)).toBe(false);
        cores.add(`${node.index}/${core}`);
      }
      for (const { device, units } of gpus) add(`gpu ${node.index}/${device}`, units, gpuUnits);
      const whole = gpus.filter(({ units }) => units === gpuUnits).length;
      expect(whole).toBeGreaterThanOrEqual(shape.gpu.whole);
      add(`memory ${node.index}`, shape.memoryBytes, node.capacity.memoryBytes);
      add(`packing ${node.index}`, shape.packing, 1);
    }
}

test("whatever comes and ends in whatever order, no core, GPU, memory or packing allowance is given twice", () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("ask" as const), resources, priority: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ type: fc.constant("end" as const), which: fc.nat() }),
    fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 120_000 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.boolean(), (steps, wide) => {
      const state = pilot(...Array.from({ length: 3 }, () => ({ cores: 6, gpus: 2, memoryBytes: 1000 })));
      const running = new Map<number, readonly Share[]>();
      let now = 0;
      for (const step of steps) {
        if (step.type === "ask") ask(state, step.resources, { priority: step.priority, wide, since: now });
        if (step.type === "wait") now += step.ms;
        const ending = step.type === "end" ? [...running.keys()][step.which % Math.max(1, running.size)] : undefined;
        if (ending !== undefined) {
          end(state, running.get(ending) ?? []);
          running.delete(ending);
        }
        for (const { task, shares } of placeTasks(state, rules, now).placed) running.set(task.id, shares);
        checkNothingTwice(running.values());
      }
      for (const shares of running.values()) end(state, shares);
      expect(state.pool.freeCores).toBe(18);
      expect(state.pool.nodes.every(({ gpuFree }) => gpuFree.every((units) => units === gpuUnits))).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("a wide task starts although small ones never stop coming, with or without known run times", () => {
  const small = fc.record({
    cores: fc.integer({ min: 1, max: 3 }),
    lastsMin: fc.integer({ min: 1, max: 30 }),
    isKnown: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(small, { minLength: 20, maxLength: 60 }), fc.integer({ min: 1, max: 3 }), (kinds, width) => {
      const state = pilot({ cores: 4 }, { cores: 4 }, { cores: 4 });
      const ends: { at: number; shares: readonly Share[] }[] = [];
      const lasts = new Map<number, number>();
      const feed = (count: number, now: number) => {
        for (let fed = 0; fed < count; fed += 1) {
          const kind = kinds[(now + fed) % kinds.length] ?? { cores: 1, lastsMin: 1, isKnown: false };
          const wallTimeMin = kind.isKnown ? kind.lastsMin : 0;
          lasts.set(ask(state, { threadsPerRank: kind.cores, wallTimeMin }, { since: now }), kind.lastsMin * 60_000);
        }
      };
      feed(20, 0);
      let wide = 0;
      let startedAt: number | null = null;
      for (let now = 0; now < 200 * 60_000 && startedAt === null; now += 60_000) {
        if (now === 60_000) wide = ask(state, { nodes: width, threadsPerRank: 4 }, { since: now });
        for (const done of ends.filter(({ at }) => at <= now)) end(state, done.shares);
        for (const { task, shares } of placeTasks(state, rules, now).placed) {
          if (task.id === wide) startedAt = now;
          ends.push({ at: now + (lasts.get(task.id) ?? 0), shares });
        }
        // Newer tasks always wait behind it.
        feed(Math.max(0, 20 - state.waiting.byId.size), now);
      }
      // Those before it in the queue, then at most the longest of those that ran when its nodes were held.
      expect(startedAt).not.toBeNull();
    }),
    { numRuns: 100 },
  );
});
