import { z } from "zod";
import { parseDurationSec } from "../../model/durations.ts";
import { isConiferError } from "../../model/errors.ts";
import { parseSizeBytes } from "../../model/sizes.ts";

/** A time in seconds; people may also write `90s`, `5m`, `1h`. */
export function secondsSchema(least: number, most: number) {
  const schema = measured((text) => parseDurationSec(text, "s"), "a number of seconds, or 90s, 5m, 1h");
  return schema.pipe(z.number().min(least).max(most));
}

/** A time in minutes; people may also write `90s`, `35m`, `2h`. */
export function minutesSchema(least: number, most: number) {
  const schema = measured((text) => parseDurationSec(text, "m") / 60, "a number of minutes, or 90s, 35m, 2h");
  return schema.pipe(z.number().min(least).max(most));
}

/** A size in bytes; people may also write `512MiB`, `16GiB`. */
export function bytesSchema(least: number) {
  return measured(parseSizeBytes, "a number of bytes, or 512MiB, 16GiB").pipe(z.int().min(least));
}

function measured(parse: (text: string | number) => number, expected: string) {
  return z.union([z.number(), z.string()], { error: `expected ${expected}` }).transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      if (!isConiferError(error)) throw error;
      context.addIssue({ code: "custom", message: `${error.message}; expected ${expected}` });
      return z.NEVER;
    }
  });
}
