import { describe, expect, it } from "vitest";
import type { Demand } from "../client/wire/sessions.ts";
import { decide, type ElasticAllocation, type ElasticPolicy } from "./decide.ts";

/**
 * A campaign played on a clock that is only a number: jobs become runnable, allocations wait their turn in a queue,
 * start, take jobs by first fit, leave when idle. The decision under test is the real one.
 */
type PlayedJob = {
  readonly at: number;
  readonly nodes: number;
  readonly min: number;
  readonly says: boolean;
  doneAt: number | null;
  startedOn: number | null;
};
type Played = { -readonly [K in keyof ElasticAllocation]: ElasticAllocation[K] } & {
  readyAt: number;
  idleSince: number;
  endedAt: number | null;
  usedNodeMin: number;
};
type Setup = {
  readonly policy: ElasticPolicy;
  readonly waitMin: number;
  readonly machineNodes: number;
  readonly failUntil?: number;
};

const MINUTE = 60_000;
const IDLE_MIN = 2;

function play(jobs: PlayedJob[], { policy, waitMin, machineNodes, failUntil = 0 }: Setup, untilMin: number) {
  const allocations: Played[] = [];
  const attempts: number[] = [];
  let failedStarts = 0;
  let lastFailureAt: number | null = null;
  let emptySince: number | null = null;
  const alive = () => allocations.filter(({ endedAt }) => endedAt === null);
  const busyOn = (one: Played, now: number) =>
    jobs.filter((job) => job.startedOn === one.id && (job.doneAt ?? 0) > now);
  for (let now = 0; now <= untilMin * MINUTE; now += MINUTE / 6) {
    for (const one of alive()) {
      const used = alive()
        .filter(({ state }) => state === "running")
        .reduce((sum, { nodes }) => sum + nodes, 0);
      if (one.state === "queued" && now >= one.readyAt && used + one.nodes <= machineNodes) {
        if (now < failUntil * MINUTE) {
          one.endedAt = now;
          failedStarts += 1;
          lastFailureAt = now;
          continue;
        }
        Object.assign(one, { state: "running", startedAt: now, idleSince: now });
        failedStarts = 0;
      }
      if (one.state !== "running" || one.startedAt === null) continue;
      const endsAt = one.startedAt + one.wallTimeMin * MINUTE;
      for (const job of jobs.filter(({ at, startedOn }) => at <= now && startedOn === null)) {
        const free = one.nodes - busyOn(one, now).reduce((sum, { nodes }) => sum + nodes, 0);
        if (job.nodes > free || now + job.min * MINUTE > endsAt) continue;
        Object.assign(job, { startedOn: one.id, doneAt: now + job.min * MINUTE });
        one.usedNodeMin += job.nodes * job.min;
      }
      if (busyOn(one, now).length > 0) one.idleSince = now;
      if (now - one.idleSince >= IDLE_MIN * MINUTE || now >= endsAt) one.endedAt = now;
    }
    const runnable = jobs.filter(({ at, startedOn }) => at <= now && startedOn === null);
    const running = jobs.filter(({ startedOn, doneAt }) => startedOn !== null && (doneAt ?? 0) > now);
    emptySince = runnable.length > 0 ? null : (emptySince ?? now);
    const shapes: Demand["shapes"] = runnable.map(({ nodes, min, says }) => ({
      count: 1,
      nodes,
      coresPerNode: 4,
      gpusPerNode: 0,
      memoryPerNodeBytes: 0,
      nodePackingCount: 0,
      wallTimeMin: says ? min : 0,
      tags: {},
    }));
    const { submit, cancel } = decide({
      demand: {
        shapes,
        running: { jobs: running.length, cores: running.reduce((sum, { nodes }) => sum + 4 * nodes, 0) },
      },
      allocations: alive(),
      policy,
      limits: {
        node: { cores: 4, gpus: 0, memoryBytes: 0 },
        maxNodes: null,
        maxWallTimeMin: null,
        idleNodes: null,
        overheadMin: 0.5,
      },
      history: { failedStarts, lastFailureAt, lastFailure: "", emptySince },
      now,
    });
    for (const id of cancel) Object.assign(allocations.find((one) => one.id === id) ?? {}, { endedAt: now });
    for (const one of submit) {
      attempts.push(now / MINUTE);
      const id = allocations.length + 1;
      allocations.push({
        id,
        state: "queued",
        origin: "elastic",
        ...one,
        startedAt: null,
        readyAt: now + waitMin * MINUTE,
        idleSince: now,
        endedAt: null,
        usedNodeMin: 0,
      });
    }
    expect(alive().reduce((sum, { nodes }) => sum + nodes, 0)).toBeLessThanOrEqual(policy.maxNodes);
    expect(alive().filter(({ state }) => state === "queued").length).toBeLessThanOrEqual(policy.maxQueued);
  }
  const heldNodeMin = allocations.reduce(
    (sum, { nodes, startedAt, endedAt }) =>
      sum + (startedAt === null ? 0 : nodes * ((endedAt ?? untilMin * MINUTE) - startedAt)) / MINUTE,
    0,
  );
  const usedNodeMin = allocations.reduce((sum, one) => sum + one.usedNodeMin, 0);
  const lastEnd = Math.max(...jobs.map(({ doneAt }) => doneAt ?? Number.POSITIVE_INFINITY)) / MINUTE;
  return { allocations, attempts, heldNodeMin, usedNodeMin, lastEnd, left: alive().length };
}

const policy: ElasticPolicy = {
  minNodes: 1,
  maxNodes: 8,
  minWallTimeMin: 10,
  maxWallTimeMin: 60,
  maxQueued: 2,
  filterTags: {},
};
const job = (at: number, min: number, change: Partial<PlayedJob> = {}): PlayedJob => ({
  at: at * MINUTE,
  nodes: 1,
  min,
  says: true,
  doneAt: null,
  startedOn: null,
  ...change,
});

describe("the elastic decision over a campaign", () => {
  it("runs everything, holds few nodes for nothing, and ends with none", () => {
    const jobs = Array.from({ length: 60 }, (_, index) => job(index < 30 ? 0 : 40, 5 + (index % 7)));
    const played = play(jobs, { policy, waitMin: 3, machineNodes: 8 }, 240);
    const work = jobs.reduce((sum, { min }) => sum + min, 0);
    expect(played.usedNodeMin).toBe(work);
    expect(played.heldNodeMin / work).toBeLessThan(1.6);
    expect(played.lastEnd).toBeLessThan(120);
    expect(played.left).toBe(0);
  });

  it("gets wide and narrow jobs through, also where jobs do not say how long they take", () => {
    const jobs = [
      job(0, 20, { nodes: 6 }),
      job(5, 10, { nodes: 8 }),
      ...Array.from({ length: 20 }, () => job(1, 3, { says: false })),
    ];
    const played = play(jobs, { policy, waitMin: 5, machineNodes: 10 }, 400);
    expect(played.lastEnd).toBeLessThan(200);
    expect(played.left).toBe(0);
  });

  it("does not flood a queue that never moves, and gives its places up once nothing is left to run", () => {
    const jobs = Array.from({ length: 50 }, () => job(0, 5));
    const stuck = play(jobs, { policy, waitMin: 10_000, machineNodes: 8 }, 120);
    expect(stuck.attempts.length).toBeLessThanOrEqual(2);
    const withdrawn = jobs.map((one) => ({ ...one, startedOn: 999, doneAt: 0 }));
    const later = play([...withdrawn, job(0, 1)], { policy, waitMin: 1, machineNodes: 8 }, 60);
    expect(later.left).toBe(0);
  });

  it("tries ever more rarely while allocations fail as they start, and recovers", () => {
    const jobs = [job(0, 5)];
    const played = play(jobs, { policy, waitMin: 0, machineNodes: 8, failUntil: 120 }, 300);
    expect(played.attempts.filter((at) => at < 120).length).toBeLessThan(12);
    expect(played.lastEnd).toBeLessThan(200);
  });
});
