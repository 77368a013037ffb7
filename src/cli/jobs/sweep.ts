import { ConiferError } from "../../model/errors.ts";

/** Values of one parameter in a sweep. */
export type Axis = { readonly name: string; readonly values: readonly (string | number)[] };

/** Values of one axis at most: more is a slip of the pen. */
const MOST = 10_000_000;

/**
 * Reads `x=1:10,y=a,b`: a range `first:last` or `first:last:step` (both ends included), a list, or both mixed. A part
 * that holds `NAME=` begins the next axis; a value with a comma or `=` is written in double quotes.
 */
export function parseSweep(text: string): Axis[] {
  const axes: { name: string; values: (string | number)[] }[] = [];
  for (const part of splitOutsideQuotes(text)) {
    const begun = /^\s*([A-Za-z_]\w*)=([\s\S]*)$/.exec(part);
    if (begun) axes.push({ name: begun[1] ?? "", values: [] });
    const axis = axes.at(-1);
    if (!axis) throw fail(text, `it does not begin with NAME=`);
    const value = (begun ? (begun[2] ?? "") : part).trim();
    if (value === "") throw fail(text, `${axis.name} has an empty value`);
    for (const one of readValues(value, text)) axis.values.push(one);
    if (axis.values.length > MOST) throw fail(text, `${axis.name} has more than ${MOST} values`);
  }
  if (axes.length === 0) throw fail(text, "it is empty");
  const twice = axes.find((axis, at) => axes.findIndex((other) => other.name === axis.name) !== at);
  if (twice) throw fail(text, `${twice.name} is there twice`);
  return axes;
}

/** How many combinations the axes have. */
export const countCombinations = (axes: readonly Axis[]): number =>
  axes.reduce((product, axis) => product * axis.values.length, 1);

/** Every combination, the last axis running fastest. */
export function* combinations(axes: readonly Axis[]): Generator<Record<string, string | number>, void> {
  const [first, ...rest] = axes;
  if (!first) {
    yield {};
    return;
  }
  for (const value of first.values) for (const others of combinations(rest)) yield { [first.name]: value, ...others };
}

/** A text as the number it is, or as it stands: `5` and `1.5` are numbers, `007` and `1e5` are not. */
export function readScalar(text: string): string | number {
  return text !== "" && String(Number(text)) === text && Number.isFinite(Number(text)) ? Number(text) : text;
}

function* readValues(text: string, whole: string): Generator<string | number, void> {
  if (text.startsWith('"')) {
    yield text.slice(1, -1).replace(/\\(.)/g, "$1");
    return;
  }
  const number = "[-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[-+]?\\d+)?";
  const range = new RegExp(`^(${number}):(${number})(?::(${number}))?$`, "i").exec(text);
  if (!range) {
    yield readScalar(text);
    return;
  }
  const [, first = "", last = "", step = "1"] = range;
  if (Number(step) === 0) throw fail(whole, `the step of ${text} is 0`);
  const digits = Math.max(...[first, last, step].map(decimals));
  const count = Math.floor((Number(last) - Number(first)) / Number(step) + 1e-9) + 1;
  if (count < 1) throw fail(whole, `the range ${text} is empty`);
  if (count > MOST) throw fail(whole, `the range ${text} has more than ${MOST} values`);
  // Multiplied, not added up, and rounded to the digits written, so that 0:1:0.1 holds 0.3 and not 0.30000000000000004.
  for (let at = 0; at < count; at += 1) yield Number((Number(first) + at * Number(step)).toFixed(digits));
}

function decimals(text: string): number {
  const [, fraction = "", exponent = "0"] = /^[-+]?\d*\.?(\d*)(?:e([-+]?\d+))?$/i.exec(text) ?? [];
  return Math.min(20, Math.max(0, fraction.length - Number(exponent)));
}

function splitOutsideQuotes(text: string): string[] {
  return (text.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? []).map((part) =>
    part.replace(/^(\s*\w+=)?\s*(".*")\s*$/s, "$1$2"),
  );
}

function fail(text: string, problem: string): ConiferError {
  return new ConiferError("BAD_INPUT", { where: `sweep ${text}`, problem });
}
