/** Texts of the command line to values; what does not read is an error that names the option. */
import { parseDurationSec } from "../../model/durations.ts";
import { ConiferError } from "../../model/errors.ts";
import { parseSizeBytes } from "../../model/sizes.ts";

/** A duration as minutes; a plain number is in minutes, as batch schedulers have it. */
export const minutes = (text: string): number => parseDurationSec(text, "m") / 60;
/** A duration as seconds; a plain number is in seconds. */
export const seconds = (text: string): number => parseDurationSec(text);
/** A size as bytes. */
export const bytes = (text: string): number => parseSizeBytes(text);

/** A whole number within bounds. */
export function whole(option: string, least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text.replaceAll("_", ""));
    if (/^-?[\d_]+$/.test(text) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new ConiferError("BAD_INPUT", { where: option, problem: `expected a whole number ${range}, got ${text}` });
  };
}

/** A number that is not negative. */
export function amount(option: string): (text: string) => number {
  return (text) => {
    if (/^(\d+\.?\d*|\.\d+)$/.test(text)) return Number(text);
    throw new ConiferError("BAD_INPUT", { where: option, problem: `expected a number, got ${text}` });
  };
}

/** `KEY=VALUE` pairs of a repeated option as a record. */
export function pairs(option: string, texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at < 1) throw new ConiferError("BAD_INPUT", { where: option, problem: `expected KEY=VALUE, got ${text}` });
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** One of some words. */
export function oneOf<const W extends string>(option: string, words: readonly W[]): (text: string) => W {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new ConiferError("BAD_INPUT", { where: option, problem: `expected ${words.join(", ")}, got ${text}` });
  };
}
