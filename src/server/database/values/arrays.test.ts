import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ArrayElement, formatArray, parseArray } from "./arrays.ts";

const text = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.stringMatching(/^[{}",\\ NULnul]{0,8}$/),
  fc.constant("NULL"),
);

describe("the text of an array", () => {
  it("says every list of strings and nulls, nested or not, so that it is read back as it was", () => {
    const leaf: fc.Arbitrary<ArrayElement> = fc.option(text);
    const list = fc.array(leaf, { maxLength: 6 });
    // PostgreSQL has no array of different depths.
    const value: fc.Arbitrary<ArrayElement[]> = fc.oneof(list, fc.array(list, { minLength: 1, maxLength: 4 }));
    const roundTrip = (elements: ArrayElement[]): void => {
      expect(parseArray(formatArray(elements), (element) => element)).toEqual(elements);
    };
    fc.assert(fc.property(value, roundTrip));
  });

  it("is read without the bounds that PostgreSQL may put before it", () => {
    expect(parseArray("[0:1][5:6]={{1,2},{3,NULL}}", Number)).toEqual([
      [1, 2],
      [3, null],
    ]);
  });

  it.each(["{1,2", '{"a', "{{1}"])("is refused when it is cut off: %s", (cut) => {
    expect(() => parseArray(cut, Number)).toThrow(/unterminated/);
  });
});
