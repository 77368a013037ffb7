import { ConiferError } from "../../../model/errors.ts";
import { parseArray } from "./arrays.ts";

/** Turns a value's text, as PostgreSQL prints it, into its JavaScript value. */
export type Decoder = (text: string) => unknown;

/** The first object id that PostgreSQL gives to types made by users. */
export const FIRST_USER_OID = 16384;

const text: Decoder = (value) => value;
const number: Decoder = (value) => Number(value);
const json: Decoder = (value) => JSON.parse(value);

/** Decoders of built-in types whose value is not their text, by type oid. */
const SCALARS = new Map<number, Decoder>([
  [16, (value) => value === "t"],
  [17, decodeBytes],
  [20, decodeInt8],
  [21, number],
  [23, number],
  [26, number],
  [114, json],
  [700, number],
  [701, number],
  [1184, decodeTimestampTz],
  [1700, number],
  [3802, json],
]);

/** Built-in array types: array oid, element oid. */
const ARRAYS = [
  [199, 114], [1000, 16], [1001, 17], [1002, 18], [1003, 19], [1005, 21], [1007, 23], [1009, 25], [1014, 1042], [1015, 1043],
  [1016, 20], [1021, 700], [1022, 701], [1028, 26], [1041, 869], [1115, 1114], [1182, 1082], [1183, 1083], [1185, 1184],
  [1187, 1186], [1231, 1700], [2951, 2950], [3807, 3802],
] as const; // biome-ignore format: a table of pairs

const BUILT_IN = new Map<number, Decoder>(SCALARS);
for (const [array, element] of ARRAYS) BUILT_IN.set(array, arrayDecoder(element));

/** The decoder of a built-in type; types not listed stay text. */
export function decoderOf(oid: number): Decoder {
  return BUILT_IN.get(oid) ?? text;
}

/** The decoder of an array whose elements have the given type. */
export function arrayDecoder(elementOid: number): Decoder {
  const element = SCALARS.get(elementOid) ?? text;
  return (value) => parseArray(value, element);
}

function decodeInt8(value: string): number {
  const result = Number(value);
  if (!Number.isSafeInteger(result)) {
    throw new ConiferError("DATABASE_FAILED", { problem: `bigint ${value} does not fit a JavaScript number` });
  }
  return result;
}

function decodeBytes(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(value.slice(2), "hex"));
}

/** `2026-11-20 18:12:00.5+00` to `2026-11-20T18:12:00.500000Z`; infinities and years beyond four digits stay as they are. */
function decodeTimestampTz(value: string): string {
  if (value.charCodeAt(10) !== 32 || !value.endsWith("+00")) return value;
  const fraction = value.slice(20, -3);
  return `${value.slice(0, 10)}T${value.slice(11, 19)}.${fraction.padEnd(6, "0")}Z`;
}
