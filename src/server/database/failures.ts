import { ConiferError, isConiferError } from "../../model/errors.ts";

/** What both drivers know of a statement the server refused; names follow the protocol's fields. */
export type ServerFailure = {
  readonly sqlState: string;
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
  readonly table?: string | undefined;
  readonly column?: string | undefined;
  readonly constraint?: string | undefined;
};

/**
 * No statement ran, for want of a connection: it broke (08), the server is starting or stopping (57P0x), has too many
 * (53300), does not let this user in (28) or has no such database (3D).
 */
const UNREACHABLE = /^(08|28|3D|57P0|53300)/;
const DISK_FULL = "53100";
const TRANSACTION_CONFLICTS = new Set(["40001", "40P01"]);

/** The error of the table for what the server said. Its `values` keep the SQLSTATE and what was violated. */
export function failureFrom(failure: ServerFailure, place: string, cause?: unknown): ConiferError {
  const { sqlState, message } = failure;
  const values = { ...failure, place, directory: place, problem: `${message} (SQLSTATE ${sqlState})` };
  if (sqlState === DISK_FULL) return new ConiferError("DATABASE_DISK_FULL", values, { cause });
  if (UNREACHABLE.test(sqlState)) return new ConiferError("DATABASE_UNREACHABLE", values, { cause });
  return new ConiferError("DATABASE_FAILED", values, { cause });
}

/** The SQLSTATE behind an error of this module, such as 23505 for a unique violation; undefined for any other error. */
export function sqlStateOf(error: unknown): string | undefined {
  const state = isConiferError(error) ? error.values.sqlState : undefined;
  return typeof state === "string" ? state : undefined;
}

/** The name of the violated constraint, or undefined. */
export function constraintOf(error: unknown): string | undefined {
  const constraint = isConiferError(error) ? error.values.constraint : undefined;
  return typeof constraint === "string" ? constraint : undefined;
}

/** Whether running the whole transaction again is what PostgreSQL asks for. */
export function isTransactionConflict(error: unknown): boolean {
  return TRANSACTION_CONFLICTS.has(sqlStateOf(error) ?? "");
}
