import { ConiferError } from "../../../model/errors.ts";
import { type ArrayElement, formatArray } from "./arrays.ts";

/** A parameter as both drivers send it: text, raw bytes (for bytea), or null. */
export type EncodedParameter = string | Uint8Array | null;

/** The most parameters the protocol can count. */
const MOST_PARAMETERS = 65_535;

/** Turns parameters into what goes over the wire. Throws for a plain object: JSON is passed as its text. */
export function encodeParameters(params: readonly unknown[]): EncodedParameter[] {
  if (params.length > MOST_PARAMETERS) {
    throw new ConiferError("INTERNAL", {
      problem: `a statement has ${params.length} parameters, at most ${MOST_PARAMETERS} go`,
    });
  }
  return params.map(encodeParameter);
}

function encodeParameter(value: unknown, index: number): EncodedParameter {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return formatArray(value.map((element) => toElement(element, index)));
  return scalarText(value, index);
}

function toElement(value: unknown, index: number): ArrayElement {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number") return value;
  if (Array.isArray(value)) return value.map((element) => toElement(element, index));
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  return scalarText(value, index);
}

function scalarText(value: unknown, index: number): string {
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (value instanceof Date) return value.toISOString();
  const what = Object.prototype.toString.call(value);
  throw new ConiferError("INTERNAL", { problem: `parameter $${index + 1} is ${what}; JSON is passed as text` });
}
