import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Needs, UNLIMITED } from "../life/index.ts";
import { coresTaken, type Free, fitJobs, take } from "./fit.ts";

const NODE = { cores: 8, gpusMilli: 4000, memoryMib: 1000 };
const needs = (given: Partial<Needs> = {}): Needs => ({
  nodes: 1,
  cores: 1,
  gpusMilli: 0,
  memoryMib: 0,
  mostPerNode: UNLIMITED,
  wallSec: 0,
  ...given,
});
const free = (given: Partial<Free> = {}): Free => ({
  cores: 8,
  gpusMilli: 4000,
  memoryMib: 1000,
  wholeNodes: 1,
  ...given,
});

const anyNeeds = fc.record<Needs>({
  nodes: fc.integer({ min: 1, max: 4 }),
  cores: fc.integer({ min: 1, max: 8 }),
  gpusMilli: fc.nat(4000),
  memoryMib: fc.nat(1000),
  mostPerNode: fc.constantFrom(1, 2, 3, 8, UNLIMITED),
  wallSec: fc.constant(0),
});
const anyFree = fc
  .tuple(fc.nat(4), fc.nat(20), fc.nat(20_000), fc.nat(5000))
  .map(([wholeNodes, cores, gpusMilli, memoryMib]) => ({
    wholeNodes,
    cores: wholeNodes * NODE.cores + cores,
    gpusMilli,
    memoryMib,
  }));

describe("fitting jobs to what is free", () => {
  it("never hands out more than is free, of anything", () => {
    fc.assert(
      fc.property(fc.array(anyNeeds), anyFree, fc.nat(30), (jobs, left, most) => {
        const { taken } = fitJobs(jobs, left, { node: NODE, most });
        const sum = (each: (job: Needs) => number): number =>
          taken.reduce((total, job) => total + job.nodes * each(job), 0);
        expect(taken.length).toBeLessThanOrEqual(most);
        expect(sum((job) => coresTaken(job, NODE))).toBeLessThanOrEqual(left.cores + 1e-3);
        expect(sum((job) => job.gpusMilli)).toBeLessThanOrEqual(left.gpusMilli);
        expect(sum((job) => job.memoryMib)).toBeLessThanOrEqual(left.memoryMib);
        const wide = taken.filter((job) => job.nodes > 1).reduce((total, job) => total + job.nodes, 0);
        expect(wide).toBeLessThanOrEqual(left.wholeNodes);
      }),
    );
  });

  it("[B19] passes over a job that does not fit, and takes each behind it that does", () => {
    fc.assert(
      fc.property(fc.array(anyNeeds, { maxLength: 12 }), anyFree, (jobs, start) => {
        const { taken } = fitJobs(jobs, start, { node: NODE, most: 100 });
        let left = start;
        for (const job of jobs) {
          const after = take(left, job, NODE);
          expect(taken.includes(job)).toBe(after !== null);
          left = after ?? left;
        }
      }),
    );
  });

  it("keeps the order, and takes a first job that fits alone", () => {
    fc.assert(
      fc.property(fc.array(anyNeeds, { minLength: 1 }), anyFree, (jobs, start) => {
        const { taken } = fitJobs(jobs, start, { node: NODE, most: 100 });
        const places = taken.map((job) => jobs.indexOf(job));
        expect(places).toEqual([...places].sort((a, b) => a - b));
        expect(taken.includes(jobs[0] as Needs)).toBe(take(start, jobs[0] as Needs, NODE) !== null);
      }),
    );
  });

  it("breaks a whole node only when those in part use have no room", () => {
    const two = free({ cores: 12, wholeNodes: 1 });
    expect(take(two, needs({ cores: 4 }), NODE)).toMatchObject({ cores: 8, wholeNodes: 1 });
    expect(take(two, needs({ cores: 5 }), NODE)).toMatchObject({ cores: 7, wholeNodes: 0 });
    expect(take(free({ cores: 7, wholeNodes: 0 }), needs({ cores: 8 }), NODE)).toBeNull();
  });

  it("gives a job of several nodes whole ones only", () => {
    expect(take(free({ cores: 16, wholeNodes: 0 }), needs({ nodes: 2 }), NODE)).toBeNull();
    expect(take(free({ cores: 16, wholeNodes: 2 }), needs({ nodes: 2 }), NODE)).toMatchObject({
      wholeNodes: 0,
      cores: 14,
    });
  });

  it("counts a share of the node for jobs that only so many may share", () => {
    const thirds = Array.from({ length: 5 }, () => needs({ mostPerNode: 3 }));
    expect(fitJobs(thirds, free(), { node: NODE, most: 10 }).taken).toHaveLength(3);
    expect(fitJobs([needs({ mostPerNode: 1 }), needs()], free(), { node: NODE, most: 10 }).taken).toHaveLength(1);
  });

  it("[B18] counts memory and fractions of GPUs, and memory not at all where nobody knows it", () => {
    const halves = Array.from({ length: 9 }, () => needs({ gpusMilli: 500, memoryMib: 150 }));
    expect(fitJobs(halves, free(), { node: NODE, most: 10 }).taken).toHaveLength(6);
    const unknown = { ...NODE, memoryMib: 0 };
    expect(fitJobs(halves, free({ memoryMib: Infinity }), { node: unknown, most: 10 }).taken).toHaveLength(8);
  });
});
