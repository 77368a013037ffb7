import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeDuration, makeTimeAxis } from "./time-axis.ts";

describe("a time axis", () => {
  it("chooses the unit people would", () => {
    const labels = (ms: number) => {
      const { unit, ticks } = makeTimeAxis(ms, 10);
      return `${ticks.map(({ label }) => label).join(" ")} ${unit}`;
    };
    expect(labels(900)).toBe("0 100 200 300 400 500 600 700 800 900 ms");
    expect(labels(4200)).toBe("0.0 0.5 1.0 1.5 2.0 2.5 3.0 3.5 4.0 s");
    expect(labels(90_000)).toBe("0 10 20 30 40 50 60 70 80 90 s");
    expect(labels(3_600_000)).toBe("0 10 20 30 40 50 60 min");
    expect(labels(4 * 3_600_000)).toBe("0.0 0.5 1.0 1.5 2.0 2.5 3.0 3.5 4.0 h");
    expect(labels(10 * 86_400_000)).toBe("0 1 2 3 4 5 6 7 8 9 10 d");
  });

  it("has from two to about the asked number of ticks, within the span, for any span", () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 1e13, noNaN: true }), (span) => {
        const { ticks } = makeTimeAxis(span, 10);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(11);
        expect(Number(ticks.at(-1)?.atMs)).toBeLessThanOrEqual(span * (1 + 1e-6));
        expect(new Set(ticks.map(({ label }) => label)).size).toBe(ticks.length);
      }),
    );
  });
});

describe("a duration in words", () => {
  it("has two or three significant figures and never a 60 in the smaller unit", () => {
    const words = [
      0, 840, 1000, 59_949, 59_950, 60_000, 250_000, 3_599_600, 3_600_000, 7_500_000, 172_800_000, 864_000_000,
    ];
    expect(words.map(describeDuration)).toEqual([
      "0 ms",
      "840 ms",
      "1.0 s",
      "59.9 s",
      "1 min 00 s",
      "1 min 00 s",
      "4 min 10 s",
      "1 h 00 min",
      "1 h 00 min",
      "2 h 05 min",
      "2.0 d",
      "10.0 d",
    ]);
  });
});
