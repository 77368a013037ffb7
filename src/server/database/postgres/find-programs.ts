import { constants } from "node:fs";
import { access, readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { ConiferError } from "../../../model/errors.ts";

/** Where distributions put the programs that are not meant for PATH, by version. */
const VERSIONED_ROOTS = ["/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt", "/usr/local/opt"];
const NEEDED = ["initdb", "postgres", "pg_ctl"] as const;

/** The programs of one PostgreSQL installation. */
export type PostgresPrograms = Readonly<Record<(typeof NEEDED)[number], string>>;

/** Finds a PostgreSQL: the one on PATH, or else the newest where distributions put it. Throws COMMAND_MISSING. */
export async function findPostgres(path = process.env.PATH ?? "", roots = VERSIONED_ROOTS): Promise<PostgresPrograms> {
  for (const directory of [...path.split(delimiter), ...(await versionedDirectories(roots))]) {
    if (directory !== "" && (await hasAll(directory))) {
      return {
        initdb: join(directory, "initdb"),
        postgres: join(directory, "postgres"),
        pg_ctl: join(directory, "pg_ctl"),
      };
    }
  }
  throw new ConiferError("COMMAND_MISSING", {
    command: "postgres",
    fix: "Install PostgreSQL (Debian: apt install postgresql), load its module, or leave out --database for the embedded one.",
  });
}

/** Newest version first. */
async function versionedDirectories(roots: readonly string[]): Promise<string[]> {
  const found: { version: number; directory: string }[] = [];
  for (const root of roots) {
    for (const name of await readdir(root).catch(() => [])) {
      const version = /^(?:postgresql@)?(\d+)$/.exec(name)?.[1];
      if (version !== undefined) found.push({ version: Number(version), directory: join(root, name, "bin") });
    }
  }
  return found.sort((a, b) => b.version - a.version).map(({ directory }) => directory);
}

async function hasAll(directory: string): Promise<boolean> {
  const checks = await Promise.allSettled(NEEDED.map((name) => access(join(directory, name), constants.X_OK)));
  return checks.every(({ status }) => status === "fulfilled");
}
