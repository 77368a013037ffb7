import { ConiferError } from "../model/errors.ts";

/** Quotes a value so that a POSIX shell reads it as exactly one word; safe words stay bare for readability. Throws on NUL, which no argument can hold. */
export function quote(value: string): string {
  if (value.includes("\0"))
    throw new ConiferError("BAD_INPUT", {
      where: JSON.stringify(value.slice(0, 40)),
      problem: "a NUL byte cannot be passed to a command",
    });
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(value) && !value.startsWith("=")
    ? value
    : `'${value.replaceAll("'", "'\\''")}'`;
}
