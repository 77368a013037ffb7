import type { AllocationRequest } from "../scheduler.ts";
import type { Dialect } from "./dialect.ts";
import type { BatchSettings } from "./settings.ts";
import { isName } from "./words.ts";

type Value = string | number | boolean;
export type RequestOptions = {
  readonly options: Record<string, unknown>;
  readonly parameters: Readonly<Record<string, Value>>;
};

/**
 * What a request and the site's settings say together: options of the scheduler's kind, and parameters of the site's own
 * template. A request may only give what its kind or the settings know; a problem is told as text, in the user's words.
 */
export function readOptions(
  request: AllocationRequest,
  settings: BatchSettings,
  dialect: Pick<Dialect<object>, "kind" | "options">,
): RequestOptions | string {
  if (request.queue !== "" && !isName(request.queue)) return `queue: ${JSON.stringify(request.queue)} is no name`;
  if (request.project !== "" && !isName(request.project))
    return `project: ${JSON.stringify(request.project)} is no name`;
  const given = Object.entries(request.options);
  const parameters: Record<string, Value> = { ...settings.parameters };
  const own: Record<string, unknown> = {};
  for (const [name, value] of given) {
    if (!(name in settings.parameters)) own[name] = typeof value === "string" ? fromText(value) : value;
    else if (isPlain(value)) parameters[name] = value;
    else return `parameter ${name}: expected text without line breaks, a number, true or false`;
  }
  const parsed = dialect.options.safeParse({ ...settings.options, ...own });
  if (parsed.success) return { options: { ...parsed.data }, parameters };
  const issue = parsed.error.issues[0];
  const path = issue?.path.join(".") ?? "";
  return `${dialect.kind} option${path === "" ? "" : ` ${path}`}: ${issue?.message ?? "it does not read"}`;
}

/** Command lines give options as text. */
function fromText(text: string): unknown {
  if (text === "true" || text === "false") return text === "true";
  return /^\d{1,15}$/.test(text) ? Number(text) : text;
}

/** What can stand in a directive line: any text without control characters. */
function isPlain(value: unknown): value is Value {
  if (typeof value === "number" || typeof value === "boolean") return true;
  return typeof value === "string" && /^[^\p{Cc}]*$/u.test(value) && value.length <= 2000;
}
