import { ConiferError } from "../../../model/errors.ts";
import type { Ordering } from "../../../model/filter.ts";

/** Where a page ended: the last row's ordering values, and the time that ages such as `-2h` were first counted from. */
export type Cursor = { readonly keys: readonly (string | number)[]; readonly now: number };

/** Writes a cursor as opaque text that is good only for the same ordering. */
export function writeCursor(cursor: Cursor, ordering: readonly Ordering[]): string {
  return Buffer.from(JSON.stringify([formatOrdering(ordering), cursor.now, ...cursor.keys])).toString("base64url");
}

/** Reads a cursor back; a foreign one, or one of another ordering, is an error. */
export function readCursor(text: string, ordering: readonly Ordering[]): Cursor {
  const fail = (problem: string): never => {
    throw new ConiferError("BAD_INPUT", { where: "query.after", problem });
  };
  const parts = parse(text);
  if (!Array.isArray(parts)) return fail('expected the "next" of the page before');
  const [order, now, ...keys] = parts as unknown[];
  if (order !== formatOrdering(ordering)) return fail("this page was begun with another order");
  const readable = keys.every((key) => typeof key === "string" || typeof key === "number");
  if (typeof now !== "number" || keys.length !== ordering.length || !readable)
    return fail('expected the "next" of the page before');
  return { keys: keys as (string | number)[], now };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return null;
  }
}

function formatOrdering(ordering: readonly Ordering[]): string {
  return ordering.map(({ field, descending }) => `${descending ? "-" : ""}${field}`).join(",");
}
