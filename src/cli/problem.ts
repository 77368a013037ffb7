import type { ConiferError } from "../model/errors.ts";
import { painted, plain, wantsColour } from "./terminal/colour.ts";
import { clean } from "./terminal/text.ts";

export type ProblemOptions = {
  readonly json: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isTty: boolean | undefined;
};

/** An error for stderr: one line and its hint, or a problem document like the API's. */
export function formatProblem(error: ConiferError, options: ProblemOptions): string {
  const { code, message, hint, status, exitCode, values } = error;
  if (options.json) {
    const document = { type: "about:blank", title: code, status, code, detail: message, hint, exitCode, values };
    return `${JSON.stringify(document, null, 2)}\n`;
  }
  const paint = wantsColour(options.isTty === true, options.env) ? painted : plain;
  const cause =
    code === "INTERNAL" && options.env.CONIFER_DEBUG && error.cause instanceof Error ? error.cause.stack : "";
  return `${paint("red", "conifer:")} ${clean(message)}\n${paint("dim", "hint:")} ${clean(hint)}\n${cause ? `${cause}\n` : ""}`;
}
