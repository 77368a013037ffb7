import fc from "fast-check";

/** For tests: texts rich in what shells act on, any character but NUL among them. */
export const awkwardText: fc.Arbitrary<string> = fc.string({
  unit: fc.oneof(
    fc.constantFrom(..."'\"\\ \t\n\r;&|<>$`*?[]{}()!#~%-=./,:@^"),
    fc.constantFrom("$(touch hacked)", "`touch hacked`", "'; touch hacked; '", "é", "Á", "\u{81}\u{88}", "a"),
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }).filter((character) => character !== "\0"),
  ),
});
