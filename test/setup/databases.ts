/**
 * Empty databases with the whole schema, made fast by copying one that was migrated before: a directory on PGlite, a
 * template on PostgreSQL. CONIFER_TEST_ENGINE says which (`pglite`, the default, or `postgres`), so that every test that
 * gets its database here runs on both.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  type Database,
  type DatabaseOptions,
  type Migration,
  migrate,
  openDatabase,
} from "../../src/server/database/index.ts";
import { migrations as schema } from "../../src/server/schema/index.ts";
import { URL_VARIABLE } from "./postgres.ts";

/** The engine this run of the tests is for. */
export const testEngine: "pglite" | "postgres" = process.env.CONIFER_TEST_ENGINE === "postgres" ? "postgres" : "pglite";

/** A migrated, empty database that nobody has opened yet; disposing of it deletes it. */
export type FreshPlace = AsyncDisposable & {
  readonly options: DatabaseOptions;
  /** What a server's `--database` takes; undefined on PGlite, where the server's directory holds the database. */
  readonly url: string | undefined;
};

/** A database of its own for one test: migrated and empty. Disposing of it deletes it. */
export async function freshDatabase(migrations: readonly Migration[] = schema): Promise<Database> {
  const place = await freshPlace(migrations);
  const db = await openDatabase(place.options);
  const close = db[Symbol.asyncDispose].bind(db);
  return Object.assign(db, {
    [Symbol.asyncDispose]: async () => {
      await close();
      await place[Symbol.asyncDispose]();
    },
  });
}

/** Where a server of its own for one test finds its database. */
export async function freshPlace(migrations: readonly Migration[] = schema): Promise<FreshPlace> {
  return testEngine === "pglite" ? freshDirectory(migrations) : freshOnServer(migrations);
}

const cache = fileURLToPath(new URL("../../node_modules/.cache/conifer-test/", import.meta.url));
const TEMPLATE_NAME = /^template-/;
const UNUSED_MS = 24 * 3600 * 1000;
const run = promisify(execFile);

/** A directory for the embedded database, with its cluster in it (making one takes seconds) and no lock. */
export async function embeddedDirectory(migrations: readonly Migration[] = []): Promise<string> {
  const template = await templateDirectory(migrations);
  const directory = await mkdtemp(join(await quickDirectory(), "conifer-test-db-"));
  await run("cp", ["-R", join(template, "cluster"), join(directory, "cluster")]);
  return directory;
}

async function freshDirectory(migrations: readonly Migration[]): Promise<FreshPlace> {
  const directory = await embeddedDirectory(migrations);
  return {
    options: { kind: "pglite", directory, durable: false },
    url: undefined,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

/** In memory where the system offers that: a copy takes a tenth of the time it takes on a busy disk. */
async function quickDirectory(): Promise<string> {
  const isThere = await access("/dev/shm", constants.W_OK).then(
    () => true,
    () => false,
  );
  return isThere ? "/dev/shm" : tmpdir();
}

/** The migrated directory, kept between runs until the schema or PGlite changes. */
async function templateDirectory(migrations: readonly Migration[]): Promise<string> {
  const manifest = await readFile(
    new URL("../../node_modules/@electric-sql/pglite/package.json", import.meta.url),
    "utf8",
  );
  const template = join(cache, `template-${hashOf(migrations, manifest)}`);
  const isThere = await stat(template).catch(() => undefined);
  const now = new Date();
  if (isThere !== undefined) {
    await utimes(template, now, now);
    return template;
  }
  await mkdir(cache, { recursive: true });
  const unfinished = await mkdtemp(join(cache, "unfinished-"));
  const db = await openDatabase({ kind: "pglite", directory: unfinished, durable: false });
  await migrate(db, migrations);
  await db[Symbol.asyncDispose]();
  // Another process may have been faster: theirs is as good.
  await rename(unfinished, template).catch(() => rm(unfinished, { recursive: true }));
  await removeUnused();
  return template;
}

async function removeUnused(): Promise<void> {
  for (const name of await readdir(cache)) {
    const path = join(cache, name);
    const info = TEMPLATE_NAME.test(name) ? await stat(path).catch(() => undefined) : undefined;
    if (info !== undefined && Date.now() - info.mtimeMs > UNUSED_MS) await rm(path, { recursive: true, force: true });
  }
}

async function freshOnServer(migrations: readonly Migration[]): Promise<FreshPlace> {
  const serverUrl = process.env[URL_VARIABLE];
  if (serverUrl === undefined)
    throw new Error("no PostgreSQL runs: is test/setup/engines.ts in this configuration's globalSetup?");
  const template = await templateDatabase(serverUrl, migrations);
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  await onServer(serverUrl, (server) =>
    server.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`),
  );
  const url = withDatabase(serverUrl, name);
  return {
    options: { kind: "postgres", url, connections: 5 },
    url,
    [Symbol.asyncDispose]: async () => {
      await onServer(serverUrl, (server) => server.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    },
  };
}

/** The migrated database that others are copied from; nobody connects to it, or it could not be copied. */
async function templateDatabase(serverUrl: string, migrations: readonly Migration[]): Promise<string> {
  const name = `template_${hashOf(migrations)}`;
  await onServer(serverUrl, (server) =>
    server.transaction(async (tx) => {
      // Holds off the other test processes; CREATE DATABASE itself cannot run in a transaction.
      await tx.query("SELECT pg_advisory_xact_lock(4711)");
      const { rows } = await tx.query("SELECT 1 FROM pg_database WHERE datname = $1", [name]);
      if (rows.length > 0) return;
      const unfinished = `${name}_${randomUUID().slice(0, 8)}`;
      await onServer(serverUrl, (other) => other.query(`CREATE DATABASE ${unfinished}`));
      await onServer(withDatabase(serverUrl, unfinished), (other) => migrate(other, migrations));
      await tx.exec(`ALTER DATABASE ${unfinished} RENAME TO ${name}`);
    }),
  );
  return name;
}

async function onServer<T>(url: string, work: (server: Database) => Promise<T>): Promise<T> {
  await using server = await openDatabase({ kind: "postgres", url, connections: 2 });
  return await work(server);
}

function withDatabase(url: string, name: string): string {
  const result = new URL(url);
  result.pathname = `/${name}`;
  return result.href;
}

function hashOf(...parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}
