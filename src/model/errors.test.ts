import { describe, expect, it } from "vitest";
import { ConiferError, ERRORS, isConiferError, messageOf } from "./errors.ts";

describe("the table of errors", () => {
  it("fills messages and hints with the values given, and leaves a template's braces alone", () => {
    const error = new ConiferError("UNKNOWN_PARAMETER", { where: "jobs[3]", app: "a", parameter: "x", known: "y, z" });
    expect(error.message).toBe("jobs[3]: app a has no parameter x");
    expect(error.hint).toBe("It has: y, z.");
    expect(new ConiferError("BAD_TEMPLATE", { name: "no" }).hint).toContain("{{name}}");
  });

  it("gives every error a status, an exit code, a message and a hint that ends a sentence", () => {
    for (const [code, { status, exit, message, hint }] of Object.entries(ERRORS)) {
      expect(status, code).toBeGreaterThanOrEqual(400);
      expect(exit, code).toBeGreaterThan(0);
      expect(message.length, code).toBeGreaterThan(5);
      expect(hint, code).toMatch(/[.?}]$/);
    }
  });

  it("tells its own errors from others, those of another bundle included", () => {
    const foreign = Object.assign(new Error("x"), { name: "ConiferError", code: "NOT_FOUND" });
    expect(isConiferError(foreign)).toBe(true);
    expect(isConiferError(new Error("x"))).toBe(false);
    expect(isConiferError(Object.assign(new Error("x"), { name: "ConiferError", code: "ENOENT" }))).toBe(false);
  });

  it("puts any message on one line", () => {
    expect(messageOf(new Error("one\n  two "))).toBe("one two");
    expect(messageOf("plain")).toBe("plain");
  });
});
