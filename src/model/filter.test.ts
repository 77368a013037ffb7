import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ConiferError } from "./errors.ts";
import { jobFields, parseFilter, parseOrdering, quoteFilterValue } from "./filter.ts";
import { JOB_STATES } from "./states.ts";

const FIELDS = jobFields(JOB_STATES);
const NOW = Date.UTC(2026, 10, 20, 12);
const parse = (filter: string) => parseFilter(filter, FIELDS, NOW);

describe("filters", () => {
  it.each([
    ["state=FAILED,RUN_ERROR", { field: "state", key: null, op: "=", values: ["FAILED", "RUN_ERROR"] }],
    ["state!=JOB_FINISHED", { field: "state", key: null, op: "!=", values: ["JOB_FINISHED"] }],
    ["name~scan", { field: "name", key: null, op: "~", values: ["scan"] }],
    ["priority>=5", { field: "priority", key: null, op: ">=", values: [5] }],
    ["priority = -2.5e1", { field: "priority", key: null, op: "=", values: [-25] }],
    ["tags.case=lattice_1", { field: "tags", key: "case", op: "=", values: ["lattice_1"] }],
    ["tags.case=*", { field: "tags", key: "case", op: "=", values: ["*"] }],
    ['tags."a b"=x', { field: "tags", key: "a b", op: "=", values: ["x"] }],
    ['name="a,b","c\\"d"', { field: "name", key: null, op: "=", values: ["a,b", 'c"d'] }],
    ['name=""', { field: "name", key: null, op: "=", values: [""] }],
    ["id=12,13", { field: "id", key: null, op: "=", values: [12, 13] }],
    ["created>2026-11-01", { field: "created", key: null, op: ">", values: ["2026-11-01T00:00:00.000Z"] }],
    ["created>-2h", { field: "created", key: null, op: ">", values: ["2026-11-20T10:00:00.000Z"] }],
    [
      "updated<2026-11-20T10:00:00+01:00",
      { field: "updated", key: null, op: "<", values: ["2026-11-20T09:00:00.000Z"] },
    ],
  ])("read %s", (filter, condition) => expect(parse(filter)).toEqual(condition));

  it.each([
    "",
    "state",
    "stat=FAILED",
    "state=DONE",
    "state=",
    "state=FAILED,",
    "state>FAILED",
    "name>a",
    "priority=high",
    "priority>1,2",
    "id=-1",
    "id=1.5",
    "tags=x",
    "name.key=x",
    'name="open',
    'name=a"b',
    "created=2026-11-01",
    "created>yesterday",
    "created>2026-13-45",
    "constructor=1",
    "__proto__=1",
  ])("[B8] refuse %j instead of matching everything", (filter) => {
    expect(() => parse(filter)).toThrow(ConiferError);
    expect(() => parse(filter)).toThrow(/Filter/);
  });

  it("either read or are refused by name, whatever is thrown at them", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.tuple(fc.constantFrom(...Object.keys(FIELDS)), fc.string()).map((parts) => parts.join("")),
        ),
        (filter) => {
          try {
            expect(parse(filter).values.length).toBeGreaterThan(0);
          } catch (error) {
            expect(error).toMatchObject({ code: "BAD_FILTER" });
          }
        },
      ),
    );
  });

  it("read back every quoted text as one value", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(parse(`name=${quoteFilterValue(text)}`).values).toEqual([text]);
      }),
    );
  });
});

describe("orderings", () => {
  it("read fields with their directions", () => {
    expect(parseOrdering("-priority, id", FIELDS)).toEqual([
      { field: "priority", descending: true },
      { field: "id", descending: false },
    ]);
  });

  it.each(["", "nonsense", "tags", "-", "exitCode", "id,,priority", "toString"])("refuse %j", (text) => {
    expect(() => parseOrdering(text, FIELDS)).toThrow(ConiferError);
  });
});
