import { DatabaseError } from "pg";
import { ConiferError, isConiferError, messageOf } from "../../../model/errors.ts";
import { failureFrom } from "../failures.ts";

/**
 * The error of the table for anything the driver throws. What is no answer of the server (a refused or broken connection,
 * no connection free in time) is DATABASE_UNREACHABLE. The driver's errors hold no password; `place` has none either.
 */
export function postgresFailure(error: unknown, place: string): ConiferError {
  if (isConiferError(error)) return error;
  if (error instanceof DatabaseError && error.code !== undefined) {
    const { message, detail, hint, table, column, constraint } = error;
    return failureFrom({ sqlState: error.code, message, detail, hint, table, column, constraint }, place, error);
  }
  return new ConiferError("DATABASE_UNREACHABLE", { place, problem: describe(error) }, { cause: error });
}

/** A host with several addresses fails with an empty message and the reasons inside. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join("; ");
  return messageOf(error);
}
