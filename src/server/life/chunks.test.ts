import { expect, it } from "vitest";
import { chunksOf } from "./chunks.ts";

it("rows are cut for their statements in their order, none left out and none twice", () => {
  expect([...chunksOf([1, 2, 3, 4, 5], 2)]).toEqual([[1, 2], [3, 4], [5]]);
  expect([...chunksOf([1, 2, 3, 4], 2)]).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect([...chunksOf([1, 2], 2)]).toEqual([[1, 2]]);
});
