import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConiferError } from "./errors.ts";
import { formatSize, parseSizeBytes } from "./sizes.ts";

describe("sizes", () => {
  it.each([
    ["1024", 1024],
    ["1 KiB", 1024],
    ["1.5GiB", 1_610_612_736],
    ["2GB", 2e9],
    ["512mib", 536_870_912],
    ["3k", 3000],
    ["0", 0],
    [17, 17],
  ])("read %j as %d bytes", (text, bytes) => expect(parseSizeBytes(text)).toBe(bytes));

  it.each(["", "-1", "1 parsec", "GiB", "1e9", "1,5GB"])("refuse %j", (text) =>
    expect(() => parseSizeBytes(text)).toThrow(ConiferError),
  );

  it("read back what they are written as, to within five in a hundred", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 45 }), (bytes) => {
        const back = parseSizeBytes(formatSize(bytes));
        expect(Math.abs(back - bytes)).toBeLessThanOrEqual(0.05 * bytes);
      }),
    );
  });
});
