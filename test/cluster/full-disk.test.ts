/** A disk that is really full, under the embedded database. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openDatabase } from "../../src/server/database/index.ts";
import { startWriter, type WriterProcess } from "../setup/writer-process.ts";

let disk: string;
let writer: WriterProcess | undefined;
beforeEach(async () => {
  disk = await mkdtemp(join(tmpdir(), "conifer-full-disk-"));
  run("mount", "-t", "tmpfs", "-o", "size=110m", "tmpfs", disk);
});
afterEach(async () => {
  await writer?.kill();
  run("umount", disk);
  await rm(disk, { recursive: true });
});

function run(command: string, ...args: string[]): void {
  execFileSync(command, args);
}

async function freeBytes(): Promise<number> {
  const { bavail, bsize } = await statfs(disk);
  return bavail * bsize;
}

it.each([
  ["its tables can grow no more", 3 * 2 ** 20],
  ["its log can grow no more", 0],
])(
  "a full disk, when %s, fails statements until there is space again, and loses nothing acknowledged",
  async (_, left) => {
    const directory = join(disk, "database");
    const running = await startWriter({ kind: "pglite", directory });
    writer = running;
    await expect.poll(() => running.acknowledged.length, { timeout: 60_000 }).toBeGreaterThan(100);

    const ballast = join(disk, "ballast");
    await writeFile(ballast, Buffer.alloc((await freeBytes()) - left - 2 ** 20));
    const isFull = (line: string): boolean => line.startsWith("error DATABASE_DISK_FULL");
    await expect.poll(() => running.lines.filter(isFull).length, { timeout: 60_000 }).toBeGreaterThan(20);
    const whenFull = running.acknowledged.length;

    await rm(ballast);
    await expect.poll(() => running.acknowledged.length, { timeout: 60_000 }).toBeGreaterThan(whenFull + 100);
    expect(running.lines.filter((line) => line !== "open" && !isFull(line))).toEqual([]);
    await running.kill();
    await using db = await openDatabase({ kind: "pglite", directory });
    const { rows } = await db.query<{ id: number }>("SELECT id FROM written");
    const found = new Set(rows.map(({ id }) => id));
    expect(running.acknowledged.filter((id) => !found.has(id))).toEqual([]);
  },
);
