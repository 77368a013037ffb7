import { expect, test } from "vitest";
import type { Job } from "../../client/wire/entities.ts";
import { plain } from "../terminal/colour.ts";
import { formatTree } from "./tree.ts";

const job = (id: number, name: string, parents: number[] = [], state = "JOB_FINISHED"): Job =>
  ({ id, name, app: "a", state, parents: parents.map((parent) => ({ job: parent, when: "ok" })) }) as unknown as Job;

test("jobs stand under those they wait for, once, and the one asked for is marked", () => {
  const jobs = [
    job(1, "grid"),
    job(2, "left", [1]),
    job(3, "right", [1], "FAILED"),
    job(4, "merge", [2, 3]),
    job(9, "alone"),
  ];
  expect(formatTree(jobs, 3, plain)).toBe(
    [
      "1 grid a JOB_FINISHED",
      "├─ 2 left a JOB_FINISHED",
      "│  └─ 4 merge a JOB_FINISHED",
      "└─ 3 right a FAILED ◀",
      "   └─ 4 (above)",
      "9 alone a JOB_FINISHED",
      "",
    ].join("\n"),
  );
});
