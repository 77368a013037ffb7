import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawPanel } from "./panel.mjs";
import { makeScale } from "./scale.mjs";
import { drawText } from "./text.mjs";

describe("a scale", () => {
  it("labels round numbers inside its range, few enough to read and in order", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
        fc.integer({ min: 3, max: 10 }),
        (min, span, count) => {
          const max = min + span;
          const { major, place } = makeScale({ min, max }, count);
          expect(major.length).toBeGreaterThan(0);
          expect(major.length).toBeLessThanOrEqual(count + 1);
          for (const { value, label } of major) {
            expect(place(value)).toBeGreaterThan(-0.01);
            expect(place(value)).toBeLessThan(1.01);
            expect(Math.abs(Number(label.replace("−", "-")) - value)).toBeLessThan(span / 100);
          }
          expect(new Set(major.map(({ label }) => label)).size).toBe(major.length);
        },
      ),
    );
  });

  it("labels decades when it is logarithmic and puts 2 to 9 between them", () => {
    const { major, minor, place } = makeScale({ min: 0.008, max: 6, log: true }, 5);
    expect(major.map(({ label }) => label)).toEqual(["0.01", "0.1", "1"]);
    expect(minor.length).toBe(2 + 8 + 8 + 5);
    expect(place(0.008)).toBeCloseTo(0, 12);
    expect(place(6)).toBeCloseTo(1, 12);
  });
});

describe("text", () => {
  it("turns markup into spans and escapes what XML would read", () => {
    const svg = drawText("*e*^{+} & _{*x*} <b>", { x: 1, y: 2, size: 10 });
    expect(svg).toContain('<tspan font-style="italic">e</tspan>');
    expect(svg).toContain('<tspan dy="-3.8" font-size="7.2">+</tspan>');
    expect(svg).toContain('font-style="italic">x</tspan>');
    expect(svg).toContain("&amp;");
    expect(svg).toContain("&lt;b&gt;");
  });
});

describe("a panel", () => {
  it("draws error bars of the right length and only finite numbers", () => {
    const svg = drawPanel({
      box: { x: 0, y: 0, width: 100, height: 100 },
      xAxis: { min: 0, max: 10, label: "x" },
      yAxis: { min: 0, max: 10 },
      series: [
        { kind: "points", points: [{ x: 5, y: 5, xError: 1, yError: 2 }], colour: "#000", label: "data" },
        {
          kind: "curve",
          points: [
            { x: 0, y: 0 },
            { x: 10, y: 10 },
          ],
          colour: "#f00",
        },
        { kind: "band", from: 2, to: 3, colour: "#ccc" },
      ],
      legend: { x: 5, y: 5 },
    });
    expect(svg).toContain("M40 50H60");
    expect(svg).toContain("M50 70V30");
    expect(svg).toContain('x="20" y="0" width="10" height="100"');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });
});
