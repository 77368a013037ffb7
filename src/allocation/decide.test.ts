import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Demand } from "../client/wire/sessions.ts";
import { decide, type ElasticAllocation, type ElasticInput } from "./decide.ts";

const NOW = Date.parse("2026-11-20T12:00:00Z");
const shape = (change: Partial<Demand["shapes"][number]> = {}): Demand["shapes"][number] => ({
  count: 1,
  nodes: 1,
  coresPerNode: 1,
  gpusPerNode: 0,
  memoryPerNodeBytes: 0,
  nodePackingCount: 0,
  wallTimeMin: 0,
  tags: {},
  ...change,
});
const allocation = (change: Partial<ElasticAllocation> = {}): ElasticAllocation => ({
  id: 1,
  state: "running",
  origin: "elastic",
  nodes: 1,
  wallTimeMin: 60,
  filterTags: {},
  startedAt: NOW,
  ...change,
});
type Change = { [K in keyof ElasticInput]?: Partial<ElasticInput[K]> };
const input = (shapes: Demand["shapes"], change: Change = {}): ElasticInput => ({
  demand: { shapes, running: { jobs: 0, cores: 0 }, ...change.demand },
  allocations: (change.allocations as ElasticAllocation[] | undefined) ?? [],
  policy: {
    minNodes: 1,
    maxNodes: 10,
    minWallTimeMin: 10,
    maxWallTimeMin: 60,
    maxQueued: 3,
    filterTags: {},
    ...change.policy,
  },
  limits: {
    node: { cores: 4, gpus: 0, memoryBytes: 0 },
    maxNodes: null,
    maxWallTimeMin: null,
    idleNodes: null,
    overheadMin: 1,
    ...change.limits,
  },
  history: { failedStarts: 0, lastFailureAt: null, lastFailure: "", emptySince: null, ...change.history },
  now: NOW,
});
const asked = (one: ElasticInput) => decide(one).submit.map(({ nodes, wallTimeMin }) => [nodes, wallTimeMin]);

describe("the elastic decision", () => {
  it("asks for as many nodes as the jobs fill side by side", () => {
    expect(asked(input([shape({ count: 10 })]))).toEqual([[3, 60]]);
    expect(asked(input([shape({ count: 2, nodes: 3 }), shape({ count: 4 })]))).toEqual([[7, 60]]);
    expect(asked(input([shape({ count: 3, nodePackingCount: 1 })]))).toEqual([[3, 60]]);
    expect(
      asked(
        input([shape({ count: 4, memoryPerNodeBytes: 3 })], {
          limits: { node: { cores: 4, gpus: 0, memoryBytes: 6 } },
        }),
      ),
    ).toEqual([[2, 60]]);
  });

  it("[B22] needs counts by shape, not the jobs: ten million of them are one number", () => {
    const { submit, why } = decide(input([shape({ count: 10_000_000 })]));
    expect(submit).toEqual([{ nodes: 10, wallTimeMin: 60, filterTags: {} }]);
    expect(why).toBe(
      "10000000 runnable jobs want 2500000 nodes, 0 are idle or coming: asked for one allocation of 10 nodes",
    );
  });

  it("asks for nothing where what is idle or coming is enough", () => {
    const coming = [
      allocation({ state: "queued", startedAt: null, nodes: 2 }),
      allocation({ state: "pending_submission", startedAt: null }),
    ];
    expect(asked(input([shape({ count: 12 })], { allocations: coming }))).toEqual([]);
    expect(
      asked(input([shape({ count: 2 })], { allocations: [allocation()], demand: { running: { jobs: 2, cores: 2 } } })),
    ).toEqual([]);
    expect(
      asked(input([shape({ count: 3 })], { allocations: [allocation()], demand: { running: { jobs: 2, cores: 2 } } })),
    ).toEqual([[1, 60]]);
  });

  it("counts neither allocations that end too soon nor those that take other jobs", () => {
    const ending = [allocation({ startedAt: NOW - 55 * 60_000 })];
    expect(asked(input([shape({ wallTimeMin: 10 })], { allocations: ending }))).toEqual([[1, 11]]);
    expect(asked(input([shape()], { allocations: [allocation({ filterTags: { case: "b" } })] }))).toEqual([[1, 60]]);
    expect(
      asked(
        input([shape({ tags: { case: "b", more: "x" } })], {
          allocations: [allocation({ filterTags: { case: "b" } })],
        }),
      ),
    ).toEqual([]);
  });

  it("asks for no more nodes than the shortest allocation keeps busy, and only as long as the work takes", () => {
    expect(asked(input([shape({ count: 4000, wallTimeMin: 0.01 })]))).toEqual([[1, 13]]);
    expect(asked(input([shape({ count: 4, wallTimeMin: 30 })]))).toEqual([[1, 37]]);
    expect(asked(input([shape({ count: 40, wallTimeMin: 55 })]))).toEqual([[10, 60]]);
  });

  it("asks for no more than is idle where only that is wanted, and says so", () => {
    const jobs = [shape({ count: 400 })];
    expect(asked(input(jobs, { limits: { idleNodes: 2 } })).map(([nodes]) => nodes)).toEqual([2]);
    expect(decide(input(jobs, { limits: { idleNodes: 0 } }))).toMatchObject({
      submit: [],
      why: expect.stringContaining("0 nodes are idle"),
    });
  });

  it("keeps to maxNodes, maxQueued and what the scheduler gives at once", () => {
    expect(asked(input([shape({ count: 400 })]))).toEqual([[10, 60]]);
    expect(asked(input([shape({ count: 400 })], { limits: { maxNodes: 2 } }))).toEqual([
      [2, 60],
      [2, 60],
      [2, 60],
    ]);
    expect(asked(input([shape({ count: 400 })], { allocations: [allocation({ nodes: 7, origin: "user" })] }))).toEqual([
      [3, 60],
    ]);
    const queued = [1, 2, 3].map((id) => allocation({ id, state: "queued", startedAt: null }));
    expect(decide(input([shape({ count: 400 })], { allocations: queued }))).toMatchObject({
      submit: [],
      why: expect.stringContaining("3 allocations wait already"),
    });
  });

  it("asks for one wide enough for the widest job, and never for less than minNodes", () => {
    expect(asked(input([shape({ nodes: 4, wallTimeMin: 1 })]))).toEqual([[4, 10]]);
    expect(asked(input([shape()], { policy: { minNodes: 2 } }))).toEqual([[2, 60]]);
    const narrow = [allocation({ nodes: 3 }), allocation({ nodes: 3 })];
    expect(asked(input([shape({ nodes: 4 })], { allocations: narrow }))).toEqual([[4, 60]]);
    expect(asked(input([shape({ nodes: 5 })], { allocations: narrow }))).toEqual([]);
  });

  it("says which jobs can never run here, and why", () => {
    const { submit, why } = decide(
      input([
        shape({ coresPerNode: 8, count: 2 }),
        shape({ nodes: 11 }),
        shape({ wallTimeMin: 70 }),
        shape({ gpusPerNode: 1 }),
      ]),
    );
    expect(submit).toEqual([]);
    expect(why).toBe(
      "nothing to run; 2 jobs need 8 cores on a node, which has 4; 1 job needs 11 nodes, an allocation has at most 10; 1 job needs 70 minutes, an allocation has at most 59 for jobs; 1 job needs 1 GPUs on a node, which has 0",
    );
  });

  it("pauses after repeated failed starts, longer each time, and then tries again", () => {
    const failed = (failedStarts: number, minutesAgo: number) =>
      decide(
        input([shape()], {
          history: { failedStarts, lastFailureAt: NOW - minutesAgo * 60_000, lastFailure: "exit code 1" },
        }),
      );
    expect(failed(2, 0).submit).toHaveLength(1);
    expect(failed(3, 0.5)).toMatchObject({
      submit: [],
      why: expect.stringContaining(
        "paused until 2026-11-20T12:00:30.000Z, 3 allocations in a row failed as they started (the last: exit code 1)",
      ),
    });
    expect(failed(3, 1.1).submit).toHaveLength(1);
    expect(failed(6, 7.9).submit).toEqual([]);
    expect(failed(60, 61).submit).toHaveLength(1);
  });

  it("gives up waiting allocations only when there has been nothing to run for a while, and only its own", () => {
    const allocations = [
      allocation({ id: 1, state: "queued", startedAt: null }),
      allocation({ id: 2, state: "queued", startedAt: null, origin: "user" }),
      allocation({ id: 3 }),
    ];
    const empty = (minutes: number | null) =>
      decide(input([], { allocations, history: { emptySince: minutes === null ? null : NOW - minutes * 60_000 } }))
        .cancel;
    expect(empty(null)).toEqual([]);
    expect(empty(4)).toEqual([]);
    expect(empty(6)).toEqual([1]);
  });

  it("never asks for more than policy and scheduler allow, whatever the demand", () => {
    const shapes = fc.array(
      fc.record({
        count: fc.integer({ min: 0, max: 100_000 }),
        nodes: fc.integer({ min: 1, max: 40 }),
        coresPerNode: fc.integer({ min: 1, max: 8 }),
        gpusPerNode: fc.constantFrom(0, 0.5, 1),
        memoryPerNodeBytes: fc.constantFrom(0, 10),
        nodePackingCount: fc.integer({ min: 0, max: 3 }),
        wallTimeMin: fc.constantFrom(0, 0.1, 10, 90),
        tags: fc.constant({}),
      }),
      { maxLength: 5 },
    );
    const allocations = fc.array(
      fc.record({
        id: fc.integer({ min: 1 }),
        state: fc.constantFrom("pending_submission", "queued", "running", "pending_deletion"),
        origin: fc.constantFrom("user", "elastic"),
        nodes: fc.integer({ min: 1, max: 12 }),
        wallTimeMin: fc.integer({ min: 1, max: 120 }),
        filterTags: fc.constantFrom({}, { a: "b" }),
        startedAt: fc.constantFrom(null, NOW - 30 * 60_000),
      }) satisfies fc.Arbitrary<ElasticAllocation>,
      { maxLength: 6 },
    );
    const numbers = fc.record({
      minNodes: fc.integer({ min: 1, max: 5 }),
      maxNodes: fc.integer({ min: 5, max: 30 }),
      maxQueued: fc.integer({ min: 1, max: 4 }),
    });
    const limit = fc.constantFrom(null, 1, 4, 64);
    fc.assert(
      fc.property(shapes, allocations, numbers, limit, (demanded, active, policy, maxNodes) => {
        const one = input(demanded, {
          allocations: active,
          policy,
          limits: { maxNodes, node: { cores: 4, gpus: 1, memoryBytes: 64 } },
        });
        const { submit, why } = decide(one);
        const waiting = active.filter(({ state }) => state === "queued" || state === "pending_submission").length;
        const before = active
          .filter(({ state }) => state !== "pending_deletion")
          .reduce((sum, { nodes }) => sum + nodes, 0);
        const nodes = submit.reduce((sum, one) => sum + one.nodes, 0);
        expect(why).not.toBe("");
        expect(nodes === 0 || before + nodes <= policy.maxNodes).toBe(true);
        expect(submit.length === 0 || waiting + submit.length <= policy.maxQueued).toBe(true);
        for (const { nodes, wallTimeMin } of submit) {
          expect(nodes).toBeGreaterThanOrEqual(policy.minNodes);
          expect(nodes).toBeLessThanOrEqual(maxNodes ?? policy.maxNodes);
          expect(wallTimeMin).toBeGreaterThanOrEqual(10);
          expect(wallTimeMin).toBeLessThanOrEqual(60);
        }
      }),
    );
  });
});
