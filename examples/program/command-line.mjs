// @ts-check
// What the examples' programs share at their edge: options are read once, a mistake in them ends with one clear line and exit
// code 2, anything else that goes wrong with one line and exit code 1.
import { basename } from "node:path";
import { parseArgs } from "node:util";

/** A mistake in the options or arguments, for the user to mend. */
export class UsageError extends Error {}

/** @typedef {Record<string, string | boolean | undefined>} Values */
/** @typedef {{ usage: string, options: readonly string[], main: (values: Values, files: string[]) => void }} Program */

/**
 * Run a program whose options all take a value; `--help` is answered here.
 * @param {Program} program
 */
export function runProgram({ usage, options, main }) {
  const name = basename(process.argv[1] ?? "program");
  try {
    const { values, positionals } = readArguments(options);
    if (values.help) process.stdout.write(usage.trimStart());
    else main(values, positionals);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const mistake = error instanceof UsageError;
    process.stderr.write(`${name}: ${message}\n${mistake ? `Try '${name} --help'.\n` : ""}`);
    process.exitCode = mistake ? 2 : 1;
  }
}

/**
 * A whole number within limits.
 * @param {Values} values
 * @param {string} option
 * @param {{ min: number, max: number, fallback?: number }} limits
 */
export function readInteger(values, option, { min, max, fallback }) {
  const number = readNumber(values, option, { min, max, fallback });
  if (!Number.isInteger(number)) {
    throw new UsageError(`--${option} wants a whole number from ${min} to ${max}, got '${values[option]}'`);
  }
  return number;
}

/**
 * A number within limits; without a fallback the option must be given.
 * @param {Values} values
 * @param {string} option
 * @param {{ min: number, max: number, fallback?: number | undefined }} limits
 */
export function readNumber(values, option, { min, max, fallback }) {
  const text = values[option];
  if (text === undefined) {
    if (fallback === undefined) throw new UsageError(`--${option} is missing`);
    return fallback;
  }
  const number = typeof text === "string" && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (!(number >= min && number <= max)) {
    throw new UsageError(`--${option} wants a number from ${min} to ${max}, got '${text}'`);
  }
  return number;
}

/**
 * The name of a file or folder.
 * @param {Values} values
 * @param {string} option
 */
export function readPath(values, option) {
  const path = values[option];
  if (typeof path !== "string" || path === "") throw new UsageError(`--${option} is missing`);
  return path;
}

/**
 * @param {readonly string[]} options
 * @returns {{ values: Values, positionals: string[] }}
 */
function readArguments(options) {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" },
        ...Object.fromEntries(options.map((option) => [option, { type: /** @type {const} */ ("string") }])),
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message.split(". ")[0] : String(error));
  }
}
