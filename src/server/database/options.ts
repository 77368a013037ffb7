import { join } from "node:path";
import { ConiferError } from "../../model/errors.ts";

/** Which database to open. */
export type DatabaseOptions =
  | {
      readonly kind: "pglite";
      /** Where its files and its lock are; made when missing. */
      readonly directory: string;
      /** Take the lock from a holder whose death cannot be proved. Default false. */
      readonly takeOverLock?: boolean;
      /** False gives up surviving a power cut, for tests. Default true. */
      readonly durable?: boolean;
    }
  | {
      readonly kind: "postgres";
      /** `postgres://user:password@host:port/database?sslmode=…` */
      readonly url: string;
      /** The most connections at once. Default 10. */
      readonly connections?: number;
    }
  | {
      readonly kind: "managed";
      /** Where its files, its socket and its lock are; made when missing. */
      readonly directory: string;
      readonly takeOverLock?: boolean;
      /** The account to run PostgreSQL as, for tests that run as root. Default: the own one. */
      readonly runAs?: { readonly uid: number; readonly gid: number };
    };

/**
 * Reads the `--database` option: nothing for PGlite in `<serverDirectory>/pgdata`, `managed` for a PostgreSQL of the
 * server's own in `<serverDirectory>/postgres`, or a `postgres://` URL.
 */
export function parseDatabaseOption(text: string | undefined, serverDirectory: string): DatabaseOptions {
  if (text === undefined || text === "pglite") return { kind: "pglite", directory: join(serverDirectory, "pgdata") };
  if (text === "managed") return { kind: "managed", directory: join(serverDirectory, "postgres") };
  if (/^postgres(ql)?:\/\//.test(text)) {
    if (!URL.canParse(text)) throw badOption("this is no URL; write postgres://user@host:port/database");
    return { kind: "postgres", url: text };
  }
  throw badOption(`expected pglite, managed or a postgres:// URL, got ${text}`);
}

/** A URL without its password, fit for logs and messages. */
export function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return "postgres://…";
  const shown = new URL(url);
  if (shown.password !== "") shown.password = "…";
  shown.searchParams.delete("password");
  return shown.href.replace("%E2%80%A6", "…");
}

function badOption(problem: string): ConiferError {
  return new ConiferError("BAD_INPUT", { where: "--database", problem });
}
