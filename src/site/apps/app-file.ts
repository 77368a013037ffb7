import type { z } from "zod";
import { type AppDefinition, appDefinitionSchema, readAppDefinition, resourcesSchema } from "../../app/definition.ts";
import { ConiferError, isConiferError } from "../../model/errors.ts";
import { bytesSchema, minutesSchema, secondsSchema } from "../yaml/measured.ts";
import { readYaml } from "../yaml/read-yaml.ts";

/** What apps/*.yml holds: a definition without hooks, its times and sizes as people write them. */
export const appFileSchema = appDefinitionSchema.omit({ hooks: true }).extend({
  limitSec: secondsSchema(0.001, 31_536_000).nullable().default(null),
  resources: resourcesSchema
    .partial()
    .extend({ memoryPerNodeBytes: bytesSchema(0).optional(), wallTimeMin: minutesSchema(0, 525_600).optional() })
    .strict()
    .default({}),
});

/** Reads one YAML app file; throws BAD_APP_FILE, which tells all problems with their lines. */
export function readAppFile(text: string, file: string): AppDefinition {
  const reading = readYaml(text, appFileSchema);
  if (!reading.ok)
    throw badAppFile(reading.problems.map(({ line, problem }) => ({ file: `${file}:${line}`, problem })));
  try {
    return readAppDefinition(reading.value, file);
  } catch (cause) {
    const line = reading.lineOf(["command"]);
    throw badAppFile([{ file: `${file}:${line}`, problem: problemOf(cause) }], cause);
  }
}

/**
 * Checks a definition that a module exports. `lineOf` finds the line of a path in the module's source as well as it
 * can be told; throws as `readAppFile`.
 */
export function checkExportedApp(
  input: unknown,
  place: { readonly file: string; readonly lineOf: (path: readonly PropertyKey[]) => number },
): AppDefinition {
  const read = appFileSchema.safeParse(input);
  const at = (path: readonly PropertyKey[]) => `${place.file}:${place.lineOf(path)}`;
  if (!read.success)
    throw badAppFile(read.error.issues.map((issue) => ({ file: at(issue.path), problem: say(issue) })));
  try {
    return readAppDefinition(read.data, place.file);
  } catch (cause) {
    throw badAppFile([{ file: at(["command"]), problem: problemOf(cause) }], cause);
  }
}

/** One error for everything wrong in a file; it must not be empty. */
export function badAppFile(problems: readonly { file: string; problem: string }[], cause?: unknown): ConiferError {
  const [first, ...others] = problems;
  const more = others.map(({ file, problem }) => `\n${file}: ${problem}`).join("");
  return new ConiferError("BAD_APP_FILE", { file: first?.file, problem: `${first?.problem}${more}` }, { cause });
}

function say(issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String).join(".");
  const message = issue.message.replace(/^Invalid input: /, "");
  return path === "" ? message : `${path}: ${message}`;
}

function problemOf(cause: unknown): string {
  if (!isConiferError(cause)) throw cause;
  return String(cause.values.problem ?? cause.message);
}
