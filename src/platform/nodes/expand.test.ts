import fc from "fast-check";
import { expect, test } from "vitest";
import { expandHostList } from "./expand.ts";

test("[B26] ranges are expanded exactly, with their zeros and in their order", () => {
  expect(expandHostList("nid[001-003,007]")).toEqual(["nid001", "nid002", "nid003", "nid007"]);
  expect(expandHostList("n[1-2]")).toEqual(["n1", "n2"]);
  expect(expandHostList("n[9-11]")).toEqual(["n9", "n10", "n11"]);
  expect(expandHostList("n[08-10],login1, x[2]-ib")).toEqual(["n08", "n09", "n10", "login1", "x2-ib"]);
  expect(expandHostList("a[1-2]b[01-02]")).toEqual(["a1b01", "a1b02", "a2b01", "a2b02"]);
  expect(expandHostList("x3006c0s13b1n0.hsn.cm.polaris")).toEqual(["x3006c0s13b1n0.hsn.cm.polaris"]);
});

test("a list that does not read is an error that shows it", () => {
  const lists = ["", " ", "n[1-3", "n1-3]", "n[[1]]", "n[a-b]", "n[3-1]", "n[]", "a,,b", "n[1-9999999]", "a b"];
  for (const list of [...lists, "n[1-]", "$(id)"])
    expect(() => expandHostList(list, "SLURM_JOB_NODELIST")).toThrowError(/^SLURM_JOB_NODELIST: /);
});

test("every list of names written as ranges expands to those names", () => {
  const range = fc.tuple(fc.nat(999), fc.nat(20), fc.integer({ min: 1, max: 5 })).map(([from, more, width]) => {
    const names = Array.from({ length: more + 1 }, (_, index) => String(from + index).padStart(width, "0"));
    return { text: more === 0 ? `${names[0]}` : `${names[0]}-${from + more}`, names };
  });
  const bracket = fc.array(range, { minLength: 1, maxLength: 4 }).map((ranges) => ({
    text: `[${ranges.map(({ text }) => text).join(",")}]`,
    names: ranges.flatMap(({ names }) => names),
  }));
  const word = fc
    .tuple(fc.constantFrom("n", "nid", "cn-", "r.x"), fc.array(bracket, { maxLength: 2 }))
    .map(([prefix, brackets]) => ({
      text: prefix + brackets.map(({ text }) => text).join("c"),
      names: brackets.reduce(
        (names, bracket, index) =>
          names.flatMap((name) => bracket.names.map((end) => name + (index > 0 ? "c" : "") + end)),
        [prefix] as string[],
      ),
    }));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
      const list = words.map(({ text }) => text).join(",");
      expect(expandHostList(list)).toEqual(words.flatMap(({ names }) => names));
    }),
  );
});
