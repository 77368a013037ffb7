import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { embeddedDirectory } from "../../../../test/setup/databases.ts";
import { createCluster } from "./create-cluster.ts";
import { Engine, proveSync } from "./engine.ts";
import { writeScript } from "./requests.ts";

let directory: string;
let cluster: string;
beforeAll(async () => {
  directory = await embeddedDirectory();
  cluster = join(directory, "cluster");
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("the engine", () => {
  it("syncs its log once for each commit, and its data files and directories at a checkpoint", async () => {
    const engine = await Engine.start({ directory: cluster, durable: true });
    await engine.run(writeScript("CREATE TABLE t (id int8)"), () => {});
    for (let round = 0; round < 5; round += 1) {
      const before = engine.counts.walSyncs;
      await engine.run(writeScript("INSERT INTO t VALUES (1)"), () => {});
      expect(engine.counts.walSyncs).toBe(before + 1);
    }
    const { fileSyncs, directorySyncs } = engine.counts;
    await engine.run(writeScript("CHECKPOINT"), () => {});
    expect(engine.counts.fileSyncs).toBeGreaterThan(fileSyncs + 1);
    expect(engine.counts.directorySyncs).toBeGreaterThan(directorySyncs);
    await engine.close();
  });

  it("syncs its log once for commits that come together, when it is told to", async () => {
    const engine = await Engine.start({ directory: cluster, durable: true });
    const before = engine.counts.walSyncs;
    engine.deferLogSync();
    for (let round = 0; round < 5; round += 1) await engine.run(writeScript("INSERT INTO t VALUES (1)"), () => {});
    expect(engine.counts.walSyncs).toBe(before);
    engine.syncLog();
    expect(engine.counts.walSyncs).toBe(before + 1);
    await engine.run(writeScript("INSERT INTO t VALUES (1)"), () => {});
    expect(engine.counts.walSyncs).toBe(before + 2);
    await engine.close();
  });

  it.each([
    ["writes a page of a table", "CHECKPOINT"],
    ["makes a file", "CREATE TABLE made (id int8)"],
    ["removes a file", "DROP TABLE made"],
    ["leaves a segment of the log", "SELECT pg_switch_wal(); INSERT INTO t VALUES (2)"],
  ])("syncs a log that waits before it %s, as PostgreSQL relies on", async (_, change) => {
    const engine = await Engine.start({ directory: cluster, durable: true });
    engine.deferLogSync();
    await engine.run(writeScript("INSERT INTO t VALUES (1)"), () => {});
    const before = engine.counts.walSyncs;
    await engine.run(writeScript(change), () => {});
    expect(engine.counts.walSyncs).toBeGreaterThan(before);
    engine.syncLog();
    await engine.close();
  });

  it("does not sync when told that it need not", async () => {
    const engine = await Engine.start({ directory: cluster, durable: false });
    await engine.run(writeScript("CREATE TABLE u (id int8); CHECKPOINT"), () => {});
    expect(engine.counts).toMatchObject({ fileSyncs: 0, directorySyncs: 0, walSyncs: 0 });
    await engine.close();
  });

  it("is refused when a commit does not reach fsync, as with a PGlite that works differently inside", async () => {
    const settings = ["-c", "fsync=on", "-c", "wal_sync_method=fsync"];
    const startParams = [...PGlite.defaultStartParams.filter((parameter) => parameter !== "-F"), ...settings];
    await using unpatched = await PGlite.create({ startParams });
    const counts = { fileSyncs: 0, directorySyncs: 0, walSyncs: 0, walBytes: 0 };
    await expect(proveSync(unpatched, counts)).rejects.toThrow(/does not reach fsync/);
  });

  it("is refused when PostgreSQL runs without fsync", async () => {
    await using shipped = await PGlite.create();
    const counts = { fileSyncs: 0, directorySyncs: 0, walSyncs: 0, walBytes: 0 };
    await expect(proveSync(shipped, counts)).rejects.toThrow(/fsync = off/);
  });

  it("makes a cluster under another name first, and only once", async () => {
    const before = await readdir(cluster);
    await createCluster(cluster);
    expect(await readdir(cluster)).toEqual(before);
    expect(await readdir(directory)).toEqual(["cluster"]);
  });
});
