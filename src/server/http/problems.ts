/** Errors as problem+json (RFC 9457). */
import { ConiferError, ERRORS, isConiferError, messageOf } from "../../model/errors.ts";
import { sqlStateOf } from "../database/index.ts";

export type Problem = {
  readonly type: "about:blank";
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly hint: string;
  readonly values: Readonly<Record<string, unknown>>;
};

/** What a caller is told of an error. */
export function problemOf(error: ConiferError): Problem {
  return {
    type: "about:blank",
    title: error.code.toLowerCase().replaceAll("_", " "),
    status: error.status,
    code: error.code,
    detail: error.message,
    hint: error.hint,
    values: isFault(error) ? namedValues(error) : error.values,
  };
}

/** Any error as one of the table: the framework's and the database's own are told by their codes, the rest are faults. */
export function toConiferError(error: unknown): ConiferError {
  if (isConiferError(error)) return sqlStateOf(error) === undefined ? error : fromDatabase(error);
  const code = codeOf(error);
  const status = statusOf(error);
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE")
    return new ConiferError("TOO_LARGE", { where: "the request", size: "more than that", limit: "64 MiB" });
  if (status !== null && status >= 400 && status < 500)
    return new ConiferError("BAD_INPUT", { where: "request", problem: messageOf(error) }, { cause: error });
  return new ConiferError("INTERNAL", { problem: messageOf(error) }, { cause: error });
}

/** Text and numbers that only the database could tell are not storable. */
function fromDatabase(error: ConiferError): ConiferError {
  const problem = UNSTORABLE[sqlStateOf(error) ?? ""];
  return problem === undefined ? error : new ConiferError("BAD_INPUT", { where: "request", problem }, { cause: error });
}

const UNSTORABLE: Record<string, string> = {
  "22021": "it has text that is not valid Unicode",
  "22P05": "it has a character that cannot be stored, such as NUL",
  "22003": "it has a number that is too large",
  "54000": "it is too large",
};

/** Of a fault, only what its message says: the rest may name what is none of the caller's business. */
function namedValues(error: ConiferError): Record<string, unknown> {
  const { message, hint } = ERRORS[error.code];
  return Object.fromEntries(Object.entries(error.values).filter(([name]) => `${message}${hint}`.includes(`{${name}}`)));
}

/** Whether the server's owner should see it: faults, not what callers did wrong. */
export function isFault(error: ConiferError): boolean {
  return ERRORS[error.code].status >= 500;
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : null;
}

function statusOf(error: unknown): number | null {
  return error instanceof Error && "statusCode" in error && typeof error.statusCode === "number"
    ? error.statusCode
    : null;
}
