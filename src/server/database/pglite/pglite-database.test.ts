import { spawnSync } from "node:child_process";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bundleProgram } from "../../../../test/setup/bundle.ts";
import { embeddedDirectory } from "../../../../test/setup/databases.ts";
import { startWriter, type WriterProcess } from "../../../../test/setup/writer-process.ts";
import { type Database, openDatabase } from "../index.ts";

let directory: string;
const writers: WriterProcess[] = [];
beforeEach(async () => {
  directory = await embeddedDirectory();
});
afterEach(async () => {
  for (const writer of writers.splice(0)) await writer.kill();
  await rm(directory, { recursive: true, force: true });
});

/** PGlite cannot start programs and throws out of the middle of the engine. */
const FATAL_TO_PGLITE = "COPY (SELECT 1) TO PROGRAM 'false'";

async function open(): Promise<Database> {
  return openDatabase({ kind: "pglite", directory });
}

async function start(...args: Parameters<typeof startWriter>): Promise<WriterProcess> {
  const writer = await startWriter(...args);
  writers.push(writer);
  return writer;
}

async function missingFrom(db: Database, acknowledged: readonly number[]): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>("SELECT id FROM written");
  const found = new Set(rows.map(({ id }) => id));
  return acknowledged.filter((id) => !found.has(id));
}

describe("the embedded database", () => {
  it("keeps what it was told when it is closed and opened again", async () => {
    const db = await open();
    await db.exec("CREATE TABLE t (id int8); INSERT INTO t VALUES (1)");
    await db[Symbol.asyncDispose]();
    await using again = await open();
    expect((await again.query("SELECT id FROM t")).rows).toEqual([{ id: 1 }]);
  });

  it("refuses a second opening, in this process too, naming the first one's pid", async () => {
    await using _first = await open();
    await expect(open()).rejects.toMatchObject({
      code: "DATABASE_LOCKED",
      message: expect.stringContaining(String(process.pid)),
    });
  });

  it("loses no acknowledged commit when its process is killed with -9 while it writes, again and again", async () => {
    const acknowledged: number[] = [];
    for (let round = 1; round <= 3; round += 1) {
      const writer = await start({ kind: "pglite", directory });
      await expect.poll(() => writer.acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(200 * round);
      await writer.kill();
      expect(writer.lines).toEqual(["open"]);
      acknowledged.push(...writer.acknowledged);
      await using db = await open();
      expect(await missingFrom(db, acknowledged)).toEqual([]);
    }
  });

  it("leaves nothing that hinders when it is killed while it is made", async () => {
    await rm(join(directory, "cluster"), { recursive: true });
    const writer = await start({ kind: "pglite", directory });
    await expect.poll(() => readdir(directory), { timeout: 30_000 }).toContain("cluster.new");
    await writer.kill();
    await using db = await open();
    expect((await db.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    expect(await readdir(directory)).not.toContain("cluster.new");
  });

  it("fails clearly on a full disk and works again when there is space, with everything acknowledged in it", async () => {
    // The disk is played: every write fails with ENOSPC while the flag file is there, in the engine's thread, too.
    const flag = join(directory, "disk-is-full");
    const fullDisk = await bundleProgram("test/setup/full-disk.ts", "full-disk");
    const writer = await start(
      { kind: "pglite", directory },
      { nodeOptions: ["--import", fullDisk], env: { FULL_DISK_FLAG: flag } },
    );
    await expect.poll(() => writer.acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(100);
    await writeFile(flag, "");
    const isFull = (line: string): boolean => line.startsWith("error DATABASE_DISK_FULL");
    await expect.poll(() => writer.lines.filter(isFull).length, { timeout: 30_000 }).toBeGreaterThan(5);
    const whenFull = writer.acknowledged.length;
    await rm(flag);
    await expect.poll(() => writer.acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(whenFull + 100);
    expect(writer.lines.filter((line) => line !== "open" && !isFull(line))).toEqual([]);
    await writer.kill();
    await using db = await open();
    expect(await missingFrom(db, writer.acknowledged)).toEqual([]);
  });

  it("keeps no process alive that has nothing more to do", async () => {
    const program = await bundleProgram("test/setup/database-idler.ts", "database-idler");
    const { status, stdout } = spawnSync(process.execPath, [program, directory], { encoding: "utf8", timeout: 60_000 });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "42\n" });
  });

  it("checkpoints by itself, so that its log does not grow with what is written", async () => {
    await using db = await open();
    const emit = "SELECT pg_logical_emit_message(false, 'test', repeat('x', 20000000))";
    const redo = async (): Promise<unknown> => (await db.query("SELECT redo_lsn FROM pg_control_checkpoint()")).rows[0];
    const before = await redo();
    for (let round = 0; round < 9; round += 1) await db.query(emit);
    expect(await redo()).not.toEqual(before);
  });

  it("vacuums and analyzes what changed much, since nothing else does", async () => {
    await using db = await open();
    await db.exec(
      "CREATE TABLE t (id int8 PRIMARY KEY, n int8); INSERT INTO t SELECT i, 0 FROM generate_series(1, 20000) i",
    );
    await db.exec("UPDATE t SET n = 1 WHERE id % 2 = 0");
    type Stats = { dead: number; analyzed: string | null; estimate: number };
    const stats = async (): Promise<Stats | undefined> => {
      const sql = `SELECT n_dead_tup AS dead, last_analyze AS analyzed, c.reltuples AS estimate
                     FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid WHERE s.relname = 't'`;
      return (await db.query<Stats>(sql)).rows[0];
    };
    await expect.poll(async () => (await stats())?.dead).toBeGreaterThan(9_000);
    await db.maintain();
    expect(await stats()).toMatchObject({ dead: 0, analyzed: expect.any(String), estimate: 20_000 });
  });

  it("is left alone by maintenance while nothing changes", async () => {
    await using db = await open();
    await db.exec("CREATE TABLE t (id int8 PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 30000)");
    type Work = { vacuums: number; analyzes: number; log: string; checkpoint: string };
    const work = async (): Promise<Work | undefined> => {
      const sql = `SELECT vacuum_count AS vacuums, analyze_count AS analyzes, pg_current_wal_insert_lsn()::text AS log, redo_lsn::text AS checkpoint
                     FROM pg_stat_user_tables, pg_control_checkpoint() WHERE relname = 't'`;
      return (await db.query<Work>(sql)).rows[0];
    };
    await expect
      .poll(async () => {
        await db.maintain();
        return work();
      })
      .toMatchObject({ vacuums: 1, analyzes: 1 });
    await db.maintain();
    const before = await work();
    for (let turn = 0; turn < 3; turn += 1) await db.maintain();
    expect(await work()).toEqual(before);
  });

  it("rejects what was under way when its engine dies, recovers, and tells listeners to look again", async () => {
    await using db = await open();
    await db.exec("CREATE TABLE t (id int8)");
    const heard: string[] = [];
    await using _listening = await db.listen("changes", (payload) => heard.push(payload));
    await db.query("INSERT INTO t VALUES (1)");
    const died = db.query(FATAL_TO_PGLITE).catch((error: unknown) => error);
    const behindIt = db.query("INSERT INTO t VALUES (2)").catch((error: unknown) => error);
    const stopped = { code: "DATABASE_UNREACHABLE", message: expect.stringContaining("engine stopped") };
    expect(await died).toMatchObject(stopped);
    expect(await behindIt).toMatchObject(stopped);
    expect((await db.query("SELECT id FROM t")).rows).toEqual([{ id: 1 }]);
    await db.notify("changes", "still here");
    await expect.poll(() => heard).toEqual(["", "still here"]);
  });

  it("loses a transaction in which its engine dies, as a whole", async () => {
    await using db = await open();
    await db.exec("CREATE TABLE t (id int8)");
    const work = db.transaction(async (tx) => {
      await tx.query("INSERT INTO t VALUES (1)");
      await tx.query(FATAL_TO_PGLITE).catch(() => {});
      await tx.query("INSERT INTO t VALUES (2)");
    });
    await expect(work).rejects.toMatchObject({ code: "DATABASE_UNREACHABLE" });
    expect((await db.query("SELECT id FROM t")).rows).toEqual([]);
  });

  it("gives up, and says so, when its engine dies again and again", async () => {
    await using db = await open();
    for (let round = 0; round < 5; round += 1) {
      await expect(db.query(FATAL_TO_PGLITE)).rejects.toThrow(/engine stopped/);
    }
    expect((await db.failed).code).toBe("DATABASE_UNREACHABLE");
    await expect(db.query("SELECT 1")).rejects.toThrow(/engine stopped/);
  });
});
