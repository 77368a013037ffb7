import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jobFields, parseFilter } from "../../model/filter.ts";
import { JOB_STATES } from "../../model/states.ts";
import { conditionFilters } from "./conditions.ts";

describe("conditions", () => {
  test("are written as the filters the command line takes", () => {
    expect(
      conditionFilters({
        state: ["FAILED", "RUN_ERROR"],
        name: { contains: "scan" },
        tags: { case: "lattice 1", done: "*", "a b": { not: "x" } },
        priority: { gte: 5, lt: 9 },
        exitCode: { not: 0 },
        created: { gt: "-2h", lte: new Date(0) },
        data: { step: 3 },
      }),
    ).toEqual([
      "state=FAILED,RUN_ERROR",
      "name~scan",
      "tags.case=lattice 1",
      "tags.done=*",
      'tags."a b"!=x',
      "priority>=5",
      "priority<9",
      "exitCode!=0",
      "created>-2h",
      "created<=1970-01-01T00:00:00.000Z",
      "data.step=3",
    ]);
  });

  test("[B8] mean exactly the value given, whatever it holds", () => {
    const fields = jobFields(JOB_STATES);
    const text = fc.string({ unit: "grapheme" }).filter((value) => value !== "*");
    const key = fc.string({ minLength: 1, unit: "grapheme-ascii" });
    fc.assert(
      fc.property(text, key, fc.array(text, { minLength: 1, maxLength: 4 }), (name, tag, values) => {
        const [first = "", second = ""] = conditionFilters({ name, tags: { [tag]: values } });
        expect(parseFilter(first, fields, 0)).toEqual({ field: "name", key: null, op: "=", values: [name] });
        expect(parseFilter(second, fields, 0)).toEqual({ field: "tags", key: tag, op: "=", values });
      }),
    );
  });
});
