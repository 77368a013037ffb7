import type { App, JobCreate } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";
import { readScalar } from "./sweep.ts";

type Parameters = NonNullable<JobCreate["parameters"]>;
type ParameterValue = Parameters[string];

/** `NAME=VALUE` and `NAME:=JSON` texts as parameters; `app` (null = not known) says which values are meant as texts. */
export function readParameters(texts: readonly string[], app: App | null): Parameters {
  const parameters: Parameters = {};
  for (const text of texts) {
    const match = /^([A-Za-z_]\w*)(:?)=([\s\S]*)$/.exec(text);
    if (!match)
      throw new ConiferError("BAD_INPUT", { where: `parameter ${text}`, problem: "expected NAME=VALUE or NAME:=JSON" });
    const [, name = "", colon, value = ""] = match;
    parameters[name] = colon === ":" ? readJson(name, value) : typed(value, app?.parameters[name]?.type);
  }
  return parameters;
}

/** A value of a sweep or a line as its parameter wants it: a number is a text again where a text is wanted. */
export function fitted(value: ParameterValue, type: string | undefined): ParameterValue {
  return type === "string" && typeof value === "number" ? String(value) : value;
}

/** The one parameter that is still without a value, for lines of a file; throws where it is not clear which. */
export function openParameter(app: App, given: Parameters): string {
  const open = Object.entries(app.parameters)
    .filter(([name, parameter]) => parameter.default === undefined && !Object.hasOwn(given, name))
    .map(([name]) => name);
  const [only] = open;
  if (only !== undefined && open.length === 1) return only;
  const problem = `app ${app.name} has ${open.length === 0 ? "no parameter without a value" : `parameters ${open.join(", ")}`}; say which one takes the line`;
  throw new ConiferError("BAD_INPUT", { where: "--line-param", problem });
}

function typed(text: string, type: string | undefined): ParameterValue {
  switch (type) {
    case "string":
      return text;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : text;
    case "number":
    case "integer":
      return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
    default:
      return readScalar(text);
  }
}

function readJson(name: string, text: string): ParameterValue {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConiferError("BAD_INPUT", { where: `parameter ${name}`, problem: `${text} is not JSON` }, { cause });
  }
}
