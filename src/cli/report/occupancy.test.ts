import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { meanOccupancy } from "./occupancy.ts";

describe("the mean occupancy", () => {
  it("averages within a column and counts whole columns fully", () => {
    const intervals = [
      { startMs: 0, endMs: 40 },
      { startMs: 15, endMs: 25 },
    ];
    expect([...meanOccupancy({ intervals, fromMs: 0, toMs: 40, columns: 4 })]).toEqual([1, 1.5, 1.5, 1]);
  });

  it("ignores what lies outside, and tasks that took no time", () => {
    const intervals = [
      { startMs: -50, endMs: 5 },
      { startMs: 7, endMs: 7 },
      { startMs: 9, endMs: 3 },
      { startMs: 100, endMs: 200 },
    ];
    expect([...meanOccupancy({ intervals, fromMs: 0, toMs: 10, columns: 2 })]).toEqual([1, 0]);
  });

  it("conserves busy time for any tasks and any number of columns", () => {
    const interval = fc
      .tuple(fc.nat(1000), fc.nat(1000))
      .map(([a, b]) => ({ startMs: Math.min(a, b), endMs: Math.max(a, b) }));
    fc.assert(
      fc.property(fc.array(interval), fc.integer({ min: 1, max: 50 }), (intervals, columns) => {
        const occupancy = meanOccupancy({ intervals, fromMs: 0, toMs: 1000, columns });
        const area = occupancy.reduce((sum, value) => sum + value, 0) * (1000 / columns);
        const busy = intervals.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
        expect(area).toBeCloseTo(busy, 6);
        expect(occupancy.every((value) => value > -1e-9 && value < intervals.length + 1e-9)).toBe(true);
      }),
    );
  });
});
