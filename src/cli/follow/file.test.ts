import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { followFile } from "./file.ts";

let file: string;
let text: string;
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), "conifer-follow-")), "job.out");
  text = "";
});
const write = (more: string) => {
  text += more;
};
const never = new AbortController().signal;
const show = (lines: number | null, json = false) =>
  followFile(file, { signal: never, lines, goesOn: null, write, json });

test("a file is shown whole, or its last lines", async () => {
  const lines = Array.from({ length: 30_000 }, (_, index) => `line ${index} äöü`);
  await writeFile(file, `${lines.join("\n")}\n`);
  await show(null);
  expect(text).toBe(`${lines.join("\n")}\n`);
  for (const [most, expected] of [
    [2, lines.slice(-2)],
    [20_000, lines.slice(-20_000)],
    [40_000, lines],
    [0, []],
  ] as const) {
    text = "";
    await show(most);
    expect(text.split("\n").slice(0, -1)).toEqual(expected);
  }
});

test("a last line without an end counts as one", async () => {
  await writeFile(file, "a\nb\nc");
  await show(2);
  expect(text).toBe("b\nc");
});

test("what is added while it is followed is shown, also right before the end", async () => {
  let asked = 0;
  const goesOn = async () => {
    asked += 1;
    if (asked === 1) await writeFile(file, "first\n");
    if (asked === 2) await appendFile(file, "sec");
    if (asked === 3) await appendFile(file, "ond\n");
    if (asked < 4) return true;
    await appendFile(file, "last");
    return false;
  };
  await followFile(file, { signal: never, lines: null, goesOn, write, json: false });
  expect(text).toBe("first\nsecond\nlast");
});

test("a file that begins anew is followed from its new beginning", async () => {
  await writeFile(file, "the first attempt\n");
  let asked = 0;
  const goesOn = async () => {
    asked += 1;
    if (asked > 1) return false;
    await rm(file);
    await writeFile(file, "again\n");
    return true;
  };
  await followFile(file, { signal: never, lines: null, goesOn, write, json: false });
  expect(text).toBe("the first attempt\nagain\n");
});

test("in JSON each line is an object", async () => {
  await writeFile(file, 'a "b"\nc');
  await show(null, true);
  expect(text).toBe('{"line":"a \\"b\\""}\n{"line":"c"}\n');
});
