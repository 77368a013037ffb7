import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { findFiles, isGlob } from "./glob.ts";

const directory = mkdtempSync(join(tmpdir(), "conifer-test-"));
for (const file of [
  "a.dat",
  "b.dat",
  "B.dat",
  "a[1].dat",
  ".secret",
  "x/a.dat",
  "x/y/c.dat",
  "x/.y/d.dat",
  "x.y/é.dat",
]) {
  mkdirSync(dirname(join(directory, file)), { recursive: true });
  writeFileSync(join(directory, file), "");
}
symlinkSync("..", join(directory, "x", "up"));
afterAll(() => rmSync(directory, { recursive: true }));

test.each([
  ["a.dat", ["a.dat"]],
  ["./x//a.dat", ["x/a.dat"]],
  ["*.dat", ["B.dat", "a.dat", "a[1].dat", "b.dat"]],
  ["?.dat", ["B.dat", "a.dat", "b.dat"]],
  ["[a-b].dat", ["a.dat", "b.dat"]],
  ["[!a-b].dat", ["B.dat"]],
  ["a[[]1].dat", ["a[1].dat"]],
  ["a[1.dat", []],
  ["[z-a].dat", []],
  [".s*", [".secret"]],
  ["*", ["B.dat", "a.dat", "a[1].dat", "b.dat", "x", "x.y"]],
  ["**/*.dat", ["B.dat", "a.dat", "a[1].dat", "b.dat", "x.y/é.dat", "x/a.dat", "x/y/c.dat"]],
  ["x/**", ["x/a.dat", "x/up", "x/y", "x/y/c.dat"]],
  ["x.y/?.dat", ["x.y/é.dat"]],
  ["a.dat/b", []],
  ["missing/*.dat", []],
])("%s finds %j", (pattern, expected) => {
  expect(findFiles(directory, pattern)).toEqual(expected);
});

test.each(["", ".", "/etc/passwd", "../*", "x/../../a", "a\0"])("%j is refused", (pattern) => {
  expect(() => findFiles(directory, pattern)).toThrow(/leaves its directory/);
});

test("a name without wildcards is not a glob", () => {
  expect(["a.dat", "a*", "a?", "[a]"].map(isGlob)).toEqual([false, true, true, true]);
});
