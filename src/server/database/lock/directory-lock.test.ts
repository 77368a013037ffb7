import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { embeddedDirectory } from "../../../../test/setup/databases.ts";
import { startWriter, type WriterProcess } from "../../../../test/setup/writer-process.ts";
import { lockDirectory } from "./directory-lock.ts";
import { ownIdentity, type ProcessIdentity } from "./process-identity.ts";

let directory: string;
const writers: WriterProcess[] = [];
beforeEach(async () => {
  directory = await embeddedDirectory();
});
afterEach(async () => {
  for (const writer of writers.splice(0)) await writer.kill();
  await rm(directory, { recursive: true, force: true });
});

async function holdIn(options: { takeOverLock?: boolean } = {}): Promise<WriterProcess> {
  const writer = await startWriter({ kind: "pglite", directory, durable: false, ...options }, { mode: "hold" });
  writers.push(writer);
  return writer;
}

async function heldBy(holder: Partial<ProcessIdentity>): Promise<void> {
  await (await lockDirectory(directory)).release();
  await writeFile(
    join(directory, "lock.7"),
    JSON.stringify({ ...(await ownIdentity()), ...holder, since: "some time ago" }),
  );
}

const firstLine = async (writer: WriterProcess): Promise<string | undefined> => {
  await expect.poll(() => writer.lines.length, { timeout: 30_000 }).toBeGreaterThan(0);
  return writer.lines[0];
};

describe("the lock of a directory", () => {
  it("is refused while it is held, and free when it is released", async () => {
    const lock = await lockDirectory(directory);
    await expect(lockDirectory(directory)).rejects.toMatchObject({
      code: "DATABASE_LOCKED",
      values: { pid: process.pid, host: hostname() },
    });
    await lock.release();
    await lock.release();
    await (await lockDirectory(directory)).release();
  });

  it("makes the directory for its owner alone and leaves one small file in it", async () => {
    await rm(directory, { recursive: true });
    const lock = await lockDirectory(directory);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    expect(await readdir(directory)).toEqual(["lock.1"]);
    expect(JSON.parse(await readFile(join(directory, "lock.1"), "utf8"))).toMatchObject({
      pid: process.pid,
      host: hostname(),
    });
    await lock.release();
    await (await lockDirectory(directory)).release();
    expect(await readdir(directory)).toEqual(["lock.2"]);
  });

  it("goes to exactly one of several processes that want it at once, whose pid the others name", async () => {
    for (let round = 0; round < 3; round += 1) {
      const racers = await Promise.all([holdIn(), holdIn(), holdIn(), holdIn()]);
      const lines = await Promise.all(racers.map(firstLine));
      const winners = racers.filter((_, index) => lines[index] === "open");
      expect(winners).toHaveLength(1);
      for (const line of lines.filter((text) => text !== "open")) {
        expect(line).toMatch(new RegExp(`^error DATABASE_LOCKED .*process ${winners[0]?.pid} on ${hostname()}`));
      }
      // Killed, so that the next round's racers all find a dead holder and want to replace it.
      for (const racer of racers) await racer.kill();
    }
  });

  it("goes to exactly one of many callers that find a dead holder", async () => {
    await heldBy({ pid: 2 ** 22 + 1 });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => lockDirectory(directory)));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  it("is taken from a holder killed with -9, at once", async () => {
    const holder = await holdIn();
    expect(await firstLine(holder)).toBe("open");
    await expect(lockDirectory(directory)).rejects.toMatchObject({
      code: "DATABASE_LOCKED",
      values: { pid: holder.pid },
    });
    await holder.kill();
    await (await lockDirectory(directory)).release();
  });

  it("is taken from a holder that died with an earlier boot, whoever has its pid now", async () => {
    await heldBy({ bootId: "an earlier boot" });
    await (await lockDirectory(directory)).release();
  });

  it("is taken from a holder whose pid went to a later process", async () => {
    const other = spawn("sleep", ["60"]);
    await once(other, "spawn");
    await heldBy({ pid: other.pid ?? 0, startTime: "1" });
    await (await lockDirectory(directory)).release();
    other.kill();
  });

  it.each([
    ["another host", { host: "elsewhere", pid: 1 }],
    ["another machine of the same name", { machineId: "another", pid: 2 ** 22 + 1 }],
    ["another container", { pidNamespace: "pid:[1]", pid: 2 ** 22 + 1 }],
  ])("is taken from a holder on %s only by the flag, for nothing is known of it", async (_, holder) => {
    await heldBy(holder);
    await expect(lockDirectory(directory)).rejects.toMatchObject({
      code: "DATABASE_LOCKED",
      values: { pid: holder.pid },
    });
    await (await lockDirectory(directory, { takeOver: true })).release();
  });

  it("is not taken from a process that is seen to live, whatever the flag says", async () => {
    const holder = await holdIn();
    expect(await firstLine(holder)).toBe("open");
    const taker = await holdIn({ takeOverLock: true });
    expect(await firstLine(taker)).toMatch(/^error DATABASE_LOCKED/);
  });
});
