import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDuration, parseDurationSec } from "./durations.ts";
import { ConiferError } from "./errors.ts";

describe("durations", () => {
  it.each([
    ["90", 90],
    ["90s", 90],
    ["1.5h", 5400],
    ["1h30m", 5400],
    ["1 h 30 min", 5400],
    ["2d", 172_800],
    ["1w", 604_800],
    ["250ms", 0.25],
    ["01:30:00", 5400],
    ["02:05", 125],
    ["2-01:00:00", 176_400],
    [45, 45],
  ])("read %j as %d s", (text, seconds) => expect(parseDurationSec(text)).toBeCloseTo(seconds, 9));

  it("take a plain number in the unit asked for", () => {
    expect(parseDurationSec("15", "m")).toBe(900);
    expect(parseDurationSec(2, "h")).toBe(7200);
  });

  it.each(["", "x", "-5", "5 parsecs", "1:75", "1:2:3:4", "h", "1h-2m", "Infinity", "NaN"])("refuse %j", (text) => {
    expect(() => parseDurationSec(text)).toThrow(ConiferError);
  });

  it("refuse numbers that are no time", () => {
    for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => parseDurationSec(value)).toThrow(ConiferError);
  });

  it("read back what they are written as, to within a hundredth of them or a rounding", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 5_000_000, noNaN: true }), (seconds) => {
        const back = parseDurationSec(formatDuration(seconds).replaceAll(" ", ""));
        // Two units are shown: what is cut off is less than one of the second.
        const cut = seconds < 1 ? 0.0005 : seconds < 10 ? 0.05 : seconds < 3600 ? 0.5 : seconds < 86_400 ? 60 : 3600;
        expect(Math.abs(back - seconds)).toBeLessThanOrEqual(cut + 0.5 * Number(seconds >= 3600));
      }),
    );
  });

  it("read hours, minutes and seconds as Slurm writes them", () => {
    fc.assert(
      fc.property(fc.nat(30), fc.nat(23), fc.nat(59), fc.nat(59), (days, hours, minutes, seconds) => {
        const text = `${days}-${[hours, minutes, seconds].map((part) => String(part).padStart(2, "0")).join(":")}`;
        expect(parseDurationSec(text)).toBe(((days * 24 + hours) * 60 + minutes) * 60 + seconds);
      }),
    );
  });
});
