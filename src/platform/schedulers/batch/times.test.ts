import fc from "fast-check";
import { expect, it } from "vitest";
import { fromClockSec, fromCtimeUtc, fromIsoUtc, toClock, toHoursMinutes } from "./times.ts";

it("writes minutes as schedulers want them, and never none", () => {
  expect([0, 0.2, 59.5, 90, 6000].map(toClock)).toEqual(["00:01:00", "00:01:00", "01:00:00", "01:30:00", "100:00:00"]);
  expect(toHoursMinutes(90)).toBe("01:30");
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100_000 }), (minutes) => {
      expect(fromClockSec(toClock(minutes))).toBe(minutes * 60);
    }),
  );
});

it("reads durations of all forms, and unlimited ones as not known", () => {
  const cases = { "1-00:00:00": 86_400, "12:10": 730, "90": 5400, "00:05:00": 300, "378981:57:19": 1_364_335_039 };
  for (const [text, seconds] of Object.entries(cases)) expect(fromClockSec(text)).toBe(seconds);
  for (const text of ["UNLIMITED", "INFINITY", "INVALID", "N/A", "None", ""]) expect(fromClockSec(text)).toBeNull();
});

it("reads times that are told in UTC, and whatever is none as not known", () => {
  expect(fromCtimeUtc("Fri Nov  6 16:27:25 2026")).toBe(Date.UTC(2026, 10, 6, 16, 27, 25));
  expect(fromCtimeUtc("Thu Nov 05 17:29:30 2020 +0000 (UTC) Info: task completed")).toBe(
    Date.UTC(2020, 10, 5, 17, 29, 30),
  );
  expect(fromIsoUtc("2026-11-20T15:42:44")).toBe(Date.UTC(2026, 10, 20, 15, 42, 44));
  for (const text of ["Unknown", "N/A", "", "-/-", "1970-01-01T00:00:00"]) expect(fromIsoUtc(text)).toBeNull();
  for (const text of ["", "-/-", "Foo 12 10:00:00 2026"]) expect(fromCtimeUtc(text)).toBeNull();
});
