import { DEFAULT_RESOURCES, type Resources } from "../src/model/resources.ts";
import { type PlacementState, placeTasks } from "../src/pilot/hub/place/place-tasks.ts";
import { addNode, createPool, releaseShare, type Share } from "../src/pilot/hub/place/pool.ts";
import { shapeOf } from "../src/pilot/hub/place/shape.ts";
import { addWaiting, createWaiting } from "../src/pilot/hub/place/waiting.ts";
import { type Row, row } from "./rows.ts";
import { numbers } from "./simulated/numbers.ts";

/** A supercomputer's worth of nodes, and a campaign of mixed shapes waiting for them; the queue stays as long as it is. */
const nodes = 4096;
const waiting = 100_000;
const capacity = { cores: 64, gpus: 4, memoryBytes: 256 * 2 ** 30 };

/** How often of a hundred, and what each asks. Run times are minutes, spread over a factor of eight. */
const mix: readonly (Partial<Resources> & { readonly share: number })[] = [
  { share: 55, wallTimeMin: 1 },
  { share: 15, threadsPerRank: 4, memoryPerNodeBytes: 16 * 2 ** 30, wallTimeMin: 2 },
  { share: 10, threadsPerRank: 8, gpusPerRank: 1, wallTimeMin: 4 },
  { share: 5, gpusPerRank: 0.25, wallTimeMin: 1 },
  { share: 10, nodes: 2, ranksPerNode: 32, wallTimeMin: 4 },
  { share: 4, nodes: 16, ranksPerNode: 64, wallTimeMin: 8 },
  { share: 1, nodes: 256, ranksPerNode: 64, wallTimeMin: 16 },
];

/** Placements a second of the pure function, filling the machine and then keeping it full. */
export async function measurePlacement(): Promise<Row[]> {
  // The better of two: whatever else the machine does only ever takes time away.
  const runs = [simulate(nodes, waiting), simulate(nodes, waiting)];
  const full = runs.reduce((best, run) => (run.perSec > best.perSec ? run : best));
  const half = simulate(nodes / 2, waiting / 2);
  const growth = half.perSec / full.perSec;
  return [
    row({
      name: `placements, ${nodes} nodes, ${waiting} tasks of mixed shapes waiting`,
      value: full.perSec,
      unit: "1/s",
      goal: ">= 50,000/s",
      ok: full.perSec >= 50_000,
    }),
    row({
      name: "the same, cores busy",
      value: 100 * full.busy,
      unit: "%",
      goal: ">= 90 % with wide tasks among them",
      ok: full.busy >= 0.9,
    }),
    row({
      name: "cost of a placement, against half the nodes and tasks",
      value: growth,
      unit: "x",
      goal: "< 1.5: no worse than n log n",
      ok: growth < 1.5,
    }),
  ];
}

/** Runs the machine on a clock of its own until as many tasks were placed as waited; counts only the time spent on placing. */
function simulate(nodeCount: number, taskCount: number): { perSec: number; busy: number } {
  const state: PlacementState<null> = { pool: createPool(), waiting: createWaiting(), reservation: null };
  for (let node = 0; node < nodeCount; node += 1) addNode(state.pool, capacity);
  const random = numbers();
  let lastId = 0;
  const ask = (now: number): void => {
    lastId += 1;
    const { share, wallTimeMin = 1, ...resources } = pick(random());
    const shape = shapeOf({
      ...DEFAULT_RESOURCES,
      ...resources,
      wallTimeMin: wallTimeMin * 2 ** Math.floor(random() * 4),
    });
    const priority = share === 1 ? 1 : Math.floor(random() * 2);
    addWaiting(state.waiting, { id: lastId, priority, wide: false, since: now, shape, payload: null });
  };
  for (let task = 0; task < taskCount; task += 1) ask(0);

  const tickMs = 100;
  const ends = new Map<number, (readonly Share[])[]>();
  const total = nodeCount * capacity.cores;
  let placed = 0;
  let spentMs = 0;
  let busySum = 0;
  let ticks = 0;
  for (let now = 0; placed < 2 * taskCount; now += tickMs) {
    const begin = performance.now();
    const over = ends.get(now) ?? [];
    for (const shares of over) for (const share of shares) releaseShare(state.pool, share);
    const round = now === 0 || over.length > 0 ? placeTasks(state, { endsAt: null, patienceMs: 2000 }, now) : null;
    spentMs += performance.now() - begin;
    ends.delete(now);
    placed += round?.placed.length ?? 0;
    for (const { task, shares } of round?.placed ?? []) {
      // Tasks end some time before the run time that was told.
      const lastsMs = (task.shape.wallMs ?? 0) * (0.5 + 0.5 * random());
      const at = now + Math.max(1, Math.round(lastsMs / tickMs)) * tickMs;
      ends.set(at, [...(ends.get(at) ?? []), shares]);
      ask(now);
    }
    if (placed > taskCount) {
      busySum += 1 - state.pool.freeCores / total;
      ticks += 1;
    }
  }
  return { perSec: placed / (spentMs / 1000), busy: busySum / Math.max(1, ticks) };
}

function pick(at: number): (typeof mix)[number] {
  let left = at * 100;
  for (const kind of mix) {
    left -= kind.share;
    if (left < 0) return kind;
  }
  return mix[0] ?? { share: 100 };
}
