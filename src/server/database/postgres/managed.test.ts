import { execFileSync } from "node:child_process";
import { chown, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { otherUser } from "../../../../test/setup/postgres.ts";
import { startWriter, type WriterProcess } from "../../../../test/setup/writer-process.ts";
import { type Database, type DatabaseOptions, openDatabase } from "../index.ts";
import { findPostgres } from "./find-programs.ts";

let directory: string;
const writers: WriterProcess[] = [];
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "conifer-managed-"));
  const user = otherUser();
  if (user !== undefined) await chown(directory, user.uid, user.gid);
});
afterEach(async () => {
  for (const writer of writers.splice(0)) await writer.kill();
  await expect.poll(() => postmasters(), { timeout: 20_000 }).toEqual([]);
  await rm(directory, { recursive: true, force: true });
});

function options(): DatabaseOptions {
  const runAs = otherUser();
  return { kind: "managed", directory, ...(runAs === undefined ? {} : { runAs }) };
}

/** The servers that run on this test's directory. */
function postmasters(): string[] {
  const list = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" });
  return list
    .split("\n")
    .filter((line) => /\/postgres -D /.test(line) && line.includes(directory) && !line.includes("/bin/sh"));
}

async function valueIn(db: Database): Promise<unknown> {
  return (await db.query<{ id: number }>("SELECT id FROM t")).rows[0]?.id;
}

describe("a managed PostgreSQL", () => {
  it("is made and started in its directory, listens on no port, keeps its data and stops with the database", async () => {
    const db = await openDatabase(options());
    expect(db).toMatchObject({ engine: "postgres", place: directory });
    expect((await db.query("SHOW listen_addresses")).rows).toEqual([{ listen_addresses: "" }]);
    expect((await db.query("SHOW fsync")).rows).toEqual([{ fsync: "on" }]);
    await db.exec("CREATE TABLE t (id int8); INSERT INTO t VALUES (7)");
    expect(postmasters()).toHaveLength(1);
    await db[Symbol.asyncDispose]();
    expect(postmasters()).toEqual([]);
    await using again = await openDatabase(options());
    expect(await valueIn(again)).toBe(7);
  });

  it("refuses a second server on its directory, naming the first one's pid", async () => {
    await using _db = await openDatabase(options());
    await expect(openDatabase(options())).rejects.toMatchObject({
      code: "DATABASE_LOCKED",
      values: { pid: process.pid },
    });
  });

  it("stops by itself when its process is killed, and loses nothing acknowledged", async () => {
    const writer = await startWriter(options());
    writers.push(writer);
    await expect.poll(() => writer.acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(200);
    expect(postmasters()).toHaveLength(1);
    await writer.kill();
    await expect.poll(() => postmasters(), { timeout: 20_000 }).toEqual([]);
    await using db = await openDatabase(options());
    const { rows } = await db.query<{ id: number }>("SELECT id FROM written");
    const found = new Set(rows.map(({ id }) => id));
    expect(writer.acknowledged.filter((id) => !found.has(id))).toEqual([]);
  });

  it("opens at once after its process was killed, while the old server may still be stopping", async () => {
    const writer = await startWriter(options());
    writers.push(writer);
    await expect.poll(() => writer.acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(20);
    await writer.kill();
    await using db = await openDatabase(options());
    expect((await db.query("SELECT count(*) >= 20 AS ok FROM written")).rows).toEqual([{ ok: true }]);
  });

  it("says that it is gone when its PostgreSQL was killed, and recovers past the stale pid file", async () => {
    const db = await openDatabase(options());
    await db.exec("CREATE TABLE t (id int8); INSERT INTO t VALUES (7)");
    const [pid] = (await readFile(join(directory, "data/postmaster.pid"), "utf8")).split("\n");
    process.kill(Number(pid), "SIGKILL");
    await expect
      .poll(() => db.query("SELECT 1").catch((error: unknown) => error))
      .toMatchObject({ code: "DATABASE_UNREACHABLE" });
    await db[Symbol.asyncDispose]();
    await using again = await openDatabase(options());
    expect(await valueIn(again)).toBe(7);
  });

  it("refuses to run as root, with a way out", async () => {
    const asRoot =
      process.getuid?.() === 0 ? openDatabase({ kind: "managed", directory }) : Promise.reject(new Error("as root"));
    await expect(asRoot).rejects.toThrow(/as root/);
  });

  it("says what is missing where there is no PostgreSQL", async () => {
    const { postgres } = await findPostgres();
    expect(postgres).toMatch(/\/postgres$/);
    await expect(findPostgres("/nowhere", [])).rejects.toMatchObject({ code: "COMMAND_MISSING" });
  });
});
