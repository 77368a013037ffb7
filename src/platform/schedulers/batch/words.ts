import { z } from "zod";

/** Words that stand in directives and arguments: nothing that a shell or a scheduler would read as more than one word. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@+:/-]{0,254}$/;
const EXPRESSION = /^[A-Za-z0-9_[(*][A-Za-z0-9_.,:=+@%/&|()*<>![\]-]{0,1022}$/;
const LINE = /^[ -~]{1,2000}$/;

/** A queue, account, QOS, reservation and so on. */
export const nameWord = z.string().regex(NAME, "expected a name of letters, digits and _ . @ + : / -");

/** A constraint, list of resources, of nodes and so on: one word, without quotes, blanks, $ or backslashes. */
export const expressionWord = z
  .string()
  .regex(EXPRESSION, "expected one word without blanks, quotes, $, #, ; or backslashes");

/** A whole option line for the scheduler. */
export const directiveLine = z.string().regex(LINE, "expected one line of printable characters");

/** Ids as schedulers give them. */
const jobIdWord = z
  .string()
  .regex(/^[A-Za-z0-9ƒ][A-Za-z0-9_.[\]ƒ-]{0,127}$/, "expected the scheduler's id of a batch job");

/** Options that every scheduler has. */
export const commonOptions = {
  dependsOn: z
    .preprocess(
      (value) => (typeof value === "string" || typeof value === "number" ? String(value).split(",") : value),
      z.array(jobIdWord).max(100),
    )
    .default([])
    .describe("Ids of batch jobs (the scheduler's) that must have come so far before this one starts"),
  dependsWhen: z
    .enum(["ended", "ok", "failed", "started"])
    .default("ended")
    .describe("How far: ended (however), ok (ended well), failed, started"),
};

export function isName(text: string): boolean {
  return NAME.test(text);
}

/** Absolute paths of ordinary characters: what every scheduler takes as it is. */
export function refusesOddPath(path: string): string | null {
  return /^\/[A-Za-z0-9_.@+=,/-]*$/.test(path)
    ? null
    : `path ${JSON.stringify(path)} holds characters that the scheduler's commands read as something else`;
}
