import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { JobCreate } from "../wire/entities.ts";
import { namedKeys, splitJobs } from "./batches.ts";

const plain = (count: number): JobCreate[] =>
  Array.from({ length: count }, (_, index) => ({ app: "a", name: `${index}` }));

describe("jobs to create", () => {
  test("go in batches where none names another", () => {
    expect(splitJobs(plain(12_000)).map((batch) => batch.jobs.length)).toEqual([5000, 5000, 2000]);
    expect(splitJobs([])).toEqual([]);
  });

  test("go in smaller batches where they are large", () => {
    const jobs = Array.from({ length: 40 }, () => ({ app: "a", parameters: { text: "x".repeat(1_000_000) } }));
    expect(splitJobs(jobs).map((batch) => batch.jobs.length)).toEqual([16, 16, 8]);
  });

  test("that name each other by key stay in one request", () => {
    const jobs = [...plain(20_000), { app: "a", key: "x" }, { app: "a", parents: ["x"] }];
    expect(splitJobs(jobs)).toHaveLength(1);
  });

  test("beyond one request are split between linked groups, never through one", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40), fc.nat(3)), { minLength: 2, maxLength: 30 }), (links) => {
        const jobs: JobCreate[] = plain(100_001);
        for (const [index, [other]] of links.entries()) {
          jobs[index * 7] = { app: "a", key: `k${index}`, parents: [`k${other % links.length}`] };
        }
        const batches = splitJobs(jobs, 1000);
        expect(batches.flatMap((batch) => batch.places).sort((a, b) => a - b)).toEqual([...jobs.keys()]);
        for (const batch of batches) {
          const keys = new Set(batch.jobs.map((job) => job.key));
          for (const job of batch.jobs) for (const key of namedKeys(job)) expect(keys).toContain(key);
        }
      }),
      { numRuns: 5 },
    );
  });

  test("of which one linked group is too large for a request are refused", () => {
    const jobs: JobCreate[] = Array.from({ length: 100_001 }, (_, index) => ({
      app: "a",
      key: `k${index}`,
      parents: index === 0 ? [] : [`k${index - 1}`],
    }));
    expect(() => splitJobs(jobs)).toThrow("100001 jobs are linked by keys");
  });
});
