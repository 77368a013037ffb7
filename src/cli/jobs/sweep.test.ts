import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { combinations, countCombinations, parseSweep, readScalar } from "./sweep.ts";

describe("a sweep", () => {
  test("has ranges and lists, each name beginning an axis", () => {
    expect(parseSweep("x=1:3,y=a,b")).toEqual([
      { name: "x", values: [1, 2, 3] },
      { name: "y", values: ["a", "b"] },
    ]);
    expect(parseSweep("t=0:1:0.25,5,-1:-3:-1")).toEqual([
      { name: "t", values: [0, 0.25, 0.5, 0.75, 1, 5, -1, -2, -3] },
    ]);
  });

  test("has round numbers in ranges with a fraction", () => {
    expect(parseSweep("t=0:1:0.1")[0]?.values).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]);
    expect(parseSweep("t=1e-3:3e-3:1e-3")[0]?.values).toEqual([0.001, 0.002, 0.003]);
  });

  test("keeps quoted values as they are", () => {
    expect(parseSweep('a="x,y=1",plain,b="1:2"')).toEqual([
      { name: "a", values: ["x,y=1", "plain"] },
      { name: "b", values: ["1:2"] },
    ]);
  });

  test("makes every combination, the last axis fastest", () => {
    const axes = parseSweep("x=1:2,y=a,b");
    expect([...combinations(axes)]).toEqual([
      { x: 1, y: "a" },
      { x: 1, y: "b" },
      { x: 2, y: "a" },
      { x: 2, y: "b" },
    ]);
    expect(countCombinations(axes)).toBe(4);
    expect([...combinations([])]).toEqual([{}]);
  });

  test("that does not read says why", () => {
    for (const [bad, why] of [
      ["1:3", "does not begin with NAME="],
      ["x=", "empty value"],
      ["x=3:1", "is empty"],
      ["x=1:3:0", "step of 1:3:0 is 0"],
      ["x=1,x=2", "x is there twice"],
      ["x=1:99999999999", "more than"],
      ["", "it is empty"],
    ] as const)
      expect(() => parseSweep(bad), bad).toThrow(why);
  });

  test("ranges hold what counting by hand gives", () => {
    const whole = fc.integer({ min: -1000, max: 1000 });
    fc.assert(
      fc.property(whole, fc.nat(200), fc.integer({ min: 1, max: 7 }), (first, length, step) => {
        const expected = [];
        for (let value = first; value <= first + length; value += step) expected.push(value);
        expect(parseSweep(`x=${first}:${first + length}:${step}`)[0]?.values).toEqual(expected);
      }),
    );
  });
});

test("a text is a number only where writing the number gives the text again", () => {
  expect(["5", "-1.5", "007", "1e5", "", "Infinity", "a"].map(readScalar)).toEqual([
    5,
    -1.5,
    "007",
    "1e5",
    "",
    "Infinity",
    "a",
  ]);
});
