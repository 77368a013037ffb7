import { isConiferError } from "../../../model/errors.ts";

/** Doubling from 200 ms to 5 s, spread so that pilots do not come back all at once. */
export function backoffMs(failures: number, random: number): number {
  return Math.min(5000, 100 * 2 ** failures) * (0.5 + random / 2);
}

/** Whether an error says that the session is over. */
export function isGone(error: unknown): error is Error {
  return isConiferError(error) && (error.code === "SESSION_GONE" || error.code === "NOT_FOUND");
}

/** Whether a call that failed so may work later: the server, its database or the way there is at fault. */
export function mayWorkLater(error: unknown): boolean {
  return isConiferError(error) && error.status >= 500 && error.code !== "BAD_ANSWER";
}
