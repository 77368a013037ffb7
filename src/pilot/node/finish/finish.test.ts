import fc from "fast-check";
import { expect, test } from "vitest";
import { readExitStatus } from "./exit-status.ts";
import { tailOf } from "./stderr-tail.ts";

test("an exit status over 128 is a signal where there is one of that number", () => {
  expect(readExitStatus(0)).toEqual({ exitCode: 0, signal: null });
  expect(readExitStatus(127)).toEqual({ exitCode: 127, signal: null });
  expect(readExitStatus(134)).toEqual({ exitCode: null, signal: "SIGABRT" });
  expect(readExitStatus(137)).toEqual({ exitCode: null, signal: "SIGKILL" });
  expect(readExitStatus(157)).toEqual({ exitCode: null, signal: "SIGIO" });
  expect(readExitStatus(128)).toEqual({ exitCode: 128, signal: null });
  expect(readExitStatus(255)).toEqual({ exitCode: 255, signal: null });
});

test("the tail of any bytes is valid text of at most 10 lines and 4 KiB without NUL", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6000, size: "max" }), (bytes) => {
      const tail = tailOf(Buffer.from(bytes));
      expect(tail.split("\n").length).toBeLessThanOrEqual(10);
      expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(4096);
      expect(tail).not.toMatch(/\0|\p{Cs}/u);
    }),
    { numRuns: 300 },
  );
});

test("a tail cut within a character drops that character and keeps the rest", () => {
  const bytes = Buffer.from("é".repeat(10) + "\nlast\n");
  expect(tailOf(bytes.subarray(1))).toBe(`${"é".repeat(9)}\nlast`);
  expect(tailOf(Buffer.from("𝄞b").subarray(3))).toBe("b");
});
