import { formatDuration } from "../../model/durations.ts";
import { ConiferError } from "../../model/errors.ts";

export type DeadlineOptions = { readonly timeoutSec?: number; readonly signal?: AbortSignal };
/** A signal that also aborts when time is up, and what to throw of an error that came of it. */
export type Deadline = { readonly signal: AbortSignal; readonly toThrow: (error: unknown) => unknown };

/** The caller's signal and timeout as one; running out of time becomes TIMED_OUT. */
export function startDeadline(options: DeadlineOptions): Deadline {
  const late = options.timeoutSec === undefined ? null : AbortSignal.timeout(options.timeoutSec * 1000);
  const signals = [late, options.signal].filter((one) => one !== null && one !== undefined);
  const toThrow = (error: unknown): unknown => {
    if (options.signal?.aborted) return options.signal.reason;
    const limit = formatDuration(options.timeoutSec ?? 0);
    return late?.aborted ? new ConiferError("TIMED_OUT", { what: "The wait", limit }, { cause: error }) : error;
  };
  return { signal: AbortSignal.any(signals), toThrow };
}
