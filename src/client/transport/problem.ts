import { ConiferError, ERRORS, type ErrorCode } from "../../model/errors.ts";

type Failure = {
  readonly status: number;
  readonly text: string;
  /** `GET /jobs`, for the message. */
  readonly request: string;
  readonly address: string;
};

/** The error of the table that a problem+json answer carries; an answer that carries none still becomes one. */
export function toError({ status, text, request, address }: Failure): ConiferError {
  const problem = readProblem(text);
  if (problem && isKnown(problem.code)) return new ConiferError(problem.code, { ...withAddress(problem, address) });
  if (status === 401) return new ConiferError("NOT_LOGGED_IN", { address });
  const words = problem?.detail ?? text.slice(0, 200).trim();
  if (status === 503) return new ConiferError("SERVER_BUSY", { problem: words || "status 503" });
  return new ConiferError("BAD_ANSWER", { request, problem: `status ${status}${words ? `: ${words}` : ""}` });
}

type Problem = { code: string; detail: string; values: Record<string, unknown> };

function readProblem(text: string): Problem | null {
  try {
    const { code, detail, values } = JSON.parse(text);
    return {
      code: String(code),
      detail: String(detail ?? ""),
      values: typeof values === "object" && values !== null ? values : {},
    };
  } catch {
    return null;
  }
}

const isKnown = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);
/** The server does not know under which address it was called. */
const withAddress = ({ values }: Problem, address: string): Record<string, unknown> => ({ ...values, address });
