import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConiferError } from "./errors.ts";
import { expandIdSet, formatIdSet, looksLikeIdSet, parseIdSet } from "./id-set.ts";

const expand = (text: string): number[] => {
  const set = parseIdSet(text);
  if (set.kind !== "ranges") throw new Error(`${text} is ${set.kind}`);
  return expandIdSet(set);
};

describe("id sets", () => {
  it("read back as written, for every set of ids", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(500), { minLength: 1 }), (ids) => {
        expect(expand(formatIdSet(ids))).toEqual([...ids].sort((a, b) => a - b));
      }),
    );
  });

  it("count from first to last by the step", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(100), fc.integer({ min: 1, max: 7 }), (first, more, step) => {
        const ids = expand(`${first}-${first + more}:${step}`);
        expect(ids).toEqual(Array.from({ length: Math.floor(more / step) + 1 }, (_, index) => first + index * step));
      }),
    );
  });

  it("know last and all, groups of digits, and overlaps", () => {
    expect(parseIdSet("last")).toEqual({ kind: "last" });
    expect(parseIdSet(" all ")).toEqual({ kind: "all" });
    expect(expand("1_000-1_002,1001,5")).toEqual([1000, 1001, 1002, 5]);
  });

  it.each(["", "a", "1-", "-3", "3-1", "1-9:0", "1,,2", "1.5", "99999999999999999999", "1-2-3", "1:2"])(
    "refuse %j and name it",
    (text) => {
      expect(() => parseIdSet(text)).toThrow(ConiferError);
      expect(() => parseIdSet(text)).toThrow(/set of ids/);
    },
  );

  it("refuse more ids than memory should hold", () => {
    expect(() => expand("1-5000000")).toThrow(/more than 1000000/);
  });

  it("are told from filters", () => {
    for (const text of ["12", "5-9", "1-100:2", "1,3,5-8", "last", "all"]) expect(looksLikeIdSet(text)).toBe(true);
    for (const text of ["state=FAILED", "x", "", "1-"]) expect(looksLikeIdSet(text)).toBe(false);
  });
});
