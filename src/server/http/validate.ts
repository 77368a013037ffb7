/** Checks input by its zod schema and says what is wrong the way people name it: `jobs[17].nodes: expected …, got …`. */
import type { z } from "zod";
import { ConiferError } from "../../model/errors.ts";

/** The input as the schema reads it, or BAD_INPUT that names the first wrong field. `where` names what the input is. */
export function validate<S extends z.ZodType>(schema: S, input: unknown, where: string): z.output<S> {
  const read = schema.safeParse(input);
  if (read.success) return read.data;
  throw badInput(read.error.issues, input, where);
}

/** BAD_INPUT for the first of zod's issues; `where` stands before the path. */
export function badInput(issues: readonly z.core.$ZodIssue[], input: unknown, where: string): ConiferError {
  const issue = deepest(issues[0]);
  if (!issue) return new ConiferError("BAD_INPUT", { where, problem: "it does not read" });
  const path = formatPath(where, issue.path);
  return new ConiferError("BAD_INPUT", { where: path, problem: describe(issue, valueAt(input, issue.path)) });
}

/** `jobs`, 17, `nodes` → `jobs[17].nodes`. */
export function formatPath(start: string, path: readonly PropertyKey[]): string {
  let text = start;
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? String(part) : `.${String(part)}`;
  }
  return text === "" ? "body" : text;
}

/** A value for a message, cut short. */
export function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

type Issue = z.core.$ZodIssue;

/** Of a union, the issue of the option that read furthest; with its whole path. */
function deepest(issue: Issue | undefined): Issue | undefined {
  if (issue?.code !== "invalid_union" || issue.errors.length === 0) return issue;
  const options = issue.errors.map((option) => deepest(option[0])).filter((option) => option !== undefined);
  const best = options.reduce<Issue | undefined>(
    (found, option) => (found === undefined || option.path.length > found.path.length ? option : found),
    undefined,
  );
  if (!best) return issue;
  if (best.path.length > 0) return { ...best, path: [...issue.path, ...best.path] };
  const expected = [...new Set(options.filter((option) => option.path.length === 0).map(expectation))];
  return { ...issue, errors: [], message: expected.join(" or ") };
}

function describe(issue: Issue, got: unknown): string {
  if (issue.code === "unrecognized_keys") return `unknown field ${issue.keys.map((key) => `"${key}"`).join(", ")}`;
  if (issue.code === "custom") return `${issue.message}, got ${show(got)}`;
  const expected = issue.code === "invalid_union" ? issue.message : expectation(issue);
  return `expected ${expected}, got ${show(got)}`;
}

function expectation(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return { int: "a whole number", nonoptional: "a value" }[String(issue.expected)] ?? article(issue.expected);
    case "too_small":
      return bound("at least", issue.minimum, issue);
    case "too_big":
      return bound("at most", issue.maximum, issue);
    case "invalid_value":
      return issue.values.map((value) => JSON.stringify(value)).join(", ");
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    default:
      return issue.message;
  }
}

function bound(
  words: string,
  limit: number | bigint,
  issue: { origin: string; inclusive?: boolean | undefined },
): string {
  const unit = { string: " characters", array: " entries", set: " entries", object: " entries" }[issue.origin] ?? "";
  const strict = issue.inclusive === false ? { "at least": "more than", "at most": "less than" }[words] : words;
  return `${strict} ${limit}${unit}`;
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = input;
  for (const part of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[part];
  }
  return value;
}
