import fc from "fast-check";
import { expect, test } from "vitest";
import { quote } from "../../../app/quote.ts";
import { awkwardText } from "./awkward-text.ts";
import { simpleProgram } from "./simple-command.ts";

test("a program with plain and single-quoted words is simple", () => {
  expect(simpleProgram("lmp -in melt.in -var T 1.5")).toBe("lmp");
  expect(simpleProgram("  ./run.sh 'a b' x=1 'it'\\''s' ")).toBe("./run.sh");
  expect(simpleProgram("'/opt/my codes/run' ''")).toBe("/opt/my codes/run");
  expect(simpleProgram("true")).toBe("true");
});

test.each([
  ["", "nothing"],
  ["a; b", "a list"],
  ["a | b", "a pipe"],
  ["a > f", "a redirection"],
  ["a $HOME", "an expansion"],
  ["a `b`", "a substitution"],
  ["a *.dat", "a glob"],
  ["a ~/x", "a home"],
  ["a {1,2}", "braces"],
  ['a "b"', "double quotes"],
  ["a \\n", "an escape"],
  ["a 'b", "an open quote"],
  ["a #b", "a comment"],
  ["a\nb", "two lines"],
  ["a &", "the background"],
  ["X=1 a", "an assignment"],
  ["if", "a keyword"],
  ["'cd' /", "a builtin, quoted"],
  [". file", "a sourced file"],
  ["exec a", "exec"],
  ["%1", "a job of the shell's"],
  ["-x", "an option"],
  ["a é", "a letter outside of ASCII"],
  ["!", "a negation"],
])("%j is not simple: %s", (command) => {
  expect(simpleProgram(command)).toBeNull();
});

test("any values, quoted, leave a command simple", () => {
  fc.assert(
    fc.property(fc.array(awkwardText), (values) => {
      expect(simpleProgram(["./program", ...values.map(quote)].join(" "))).toBe("./program");
    }),
  );
});

test("what is simple is made of nothing but plain characters and quoted text", () => {
  const grammar = /^[ \t]*(?:(?:[\w@%+=:,./-]|'[^']*'|\\')+(?:[ \t]+|$))+$/;
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."ab1='\\ \t\n;&|<>$`\"*?[]{}()!#~%-./,:@^é") }), (text) => {
      if (simpleProgram(text) !== null) expect(text).toMatch(grammar);
    }),
    { numRuns: 5000 },
  );
});
