/** Request bodies: bytes to values, with everything the database or a process could not hold refused by name. */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { ConiferError, messageOf } from "../../model/errors.ts";
import { formatPath } from "./validate.ts";

/** The most bytes a request may have. */
export const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

/** A body as it came: its bytes (for the idempotency hash) and the value they mean. */
export type ReadBody = { readonly bytes: Uint8Array; readonly value: unknown };

/** Reads one JSON document. */
export function readJson(bytes: Buffer): ReadBody {
  const text = decode(bytes);
  const value = text === "" ? undefined : parse(text, "body");
  refuseBrokenText(text, value, "");
  return { bytes, value };
}

/** Reads one JSON document a line as `{jobs: […]}`; empty lines do not count. */
export function readNdjson(bytes: Buffer): ReadBody {
  const text = decode(bytes);
  const jobs: unknown[] = [];
  let line = 0;
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf("\n", start);
    const end = found === -1 ? text.length : found;
    line += 1;
    const row = text.slice(start, end);
    if (row.trim() !== "") jobs.push(parse(row, `line ${line}`));
    start = end + 1;
  }
  const value = { jobs };
  refuseBrokenText(text, value, "");
  return { bytes, value };
}

/** What makes two requests the same: method, path with query, and the bytes of the body. */
export function hashRequest(method: string, url: string, bytes: Uint8Array): Buffer {
  return createHash("sha256").update(`${method} ${url}\n`).update(bytes).digest();
}

function decode(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new ConiferError("BAD_INPUT", { where: "body", problem: "it is not valid UTF-8" });
  return bytes.toString("utf8");
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConiferError("BAD_INPUT", { where, problem: `it is not JSON: ${messageOf(error)}` }, { cause: error });
  }
}

/** JSON can spell NUL and lone surrogates as escapes, which no UTF-8 database holds. The walk is made only where such an escape occurs at all. */
function refuseBrokenText(text: string, value: unknown, where: string): void {
  if (!/\\u(0000|[dD][89a-fA-F])/.test(text)) return;
  const path = findBroken(value, []);
  if (path)
    throw new ConiferError("BAD_INPUT", {
      where: formatPath(where, path),
      problem: "it holds a NUL byte or half of a surrogate pair",
    });
}

function findBroken(value: unknown, path: PropertyKey[]): PropertyKey[] | null {
  if (typeof value === "string") return isBroken(value) ? path : null;
  if (typeof value !== "object" || value === null) return null;
  const entries: [PropertyKey, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  for (const [key, entry] of entries) {
    if (typeof key === "string" && isBroken(key)) return path;
    const found = findBroken(entry, [...path, key]);
    if (found) return found;
  }
  return null;
}

/** With the u flag, a class of surrogates matches only those without their other half. */
function isBroken(text: string): boolean {
  return text.includes("\0") || /[\ud800-\udfff]/u.test(text);
}
