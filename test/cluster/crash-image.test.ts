/**
 * What a power cut would leave of the embedded database. The database is on a file system of its own, on a loop device.
 * While it writes, its process is stopped dead and the device's image is copied: what the kernel had not been told to
 * write (fsync) is not in the copy, as it would not be on a disk whose machine lost power in that moment.
 */
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../../src/server/database/index.ts";
import { createCluster } from "../../src/server/database/pglite/create-cluster.ts";
import { startWriter } from "../setup/writer-process.ts";

const IMAGE_SIZE = "600M";

let base: string;
let template: string;
const mounted: string[] = [];
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), "conifer-crash-"));
  template = join(base, "template/cluster");
  await createCluster(template);
});
afterEach(() => {
  for (const path of mounted.splice(0)) run("umount", path);
});
afterAll(async () => {
  await rm(base, { recursive: true, force: true });
});

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
}

async function mount(image: string): Promise<string> {
  const path = `${image}.mounted`;
  await mkdir(path, { recursive: true });
  // The journal is committed when something asks for it, not every five seconds: a copy takes a moment.
  run("mount", "-o", "loop,commit=600", image, path);
  mounted.push(path);
  return path;
}

function unmount(path: string): void {
  run("umount", path);
  mounted.splice(mounted.indexOf(path), 1);
}

/** Stops every thread of a process where it is. */
async function freeze(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  const states = async (): Promise<Set<string>> => {
    const threads = await readdir(`/proc/${pid}/task`);
    const stats = await Promise.all(threads.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, "utf8")));
    return new Set(stats.map((stat) => stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3)));
  };
  await expect.poll(states, { timeout: 20_000, interval: 5 }).toEqual(new Set(["T"]));
}

type Outcome = { readonly acknowledged: number; readonly lost: number };

/** Lets a writer run until so many commits were acknowledged, cuts the power, and opens what is left. */
async function cutPower(
  name: string,
  settings: { durable: boolean; after: number; made: "before" | "there" },
): Promise<Outcome> {
  const image = join(base, `${name}.img`);
  run("truncate", "-s", IMAGE_SIZE, image);
  run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image);
  const disk = await mount(image);
  const directory = join(disk, "database");
  if (settings.made === "before") {
    run("cp", "-a", join(base, "template"), directory);
    run("sync", "-f", disk);
  }

  const writer = await startWriter({ kind: "pglite", directory, durable: settings.durable });
  await expect.poll(() => writer.acknowledged.length, { timeout: 60_000, interval: 5 }).toBeGreaterThan(settings.after);
  await freeze(writer.pid);
  const copy = join(base, `${name}-after-the-cut.img`);
  run("cp", "--sparse=always", image, copy);
  await writer.kill();
  unmount(disk);

  const { acknowledged } = writer;
  const after = await mount(copy);
  const found = await idsIn(join(after, "database"));
  unmount(after);
  await rm(image);
  await rm(copy);
  return { acknowledged: acknowledged.length, lost: acknowledged.filter((id) => !found.has(id)).length };
}

/** The rows that are there, by the table and by its index; none when the database does not open or has no such table. */
async function idsIn(directory: string): Promise<Set<number>> {
  try {
    await using db = await openDatabase({ kind: "pglite", directory });
    const { rows } = await db.query<{ id: number }>("SELECT id FROM written WHERE length(filler) > 0");
    const byIndex = await db.transaction(async (tx) => {
      await tx.query("SET LOCAL enable_seqscan = off");
      return tx.query<{ id: number }>("SELECT id FROM written WHERE id > 0 ORDER BY id");
    });
    expect(byIndex.rows.map(({ id }) => id)).toEqual(rows.map(({ id }) => id).sort((a, b) => a - b));
    return new Set(rows.map(({ id }) => id));
  } catch (error) {
    if (error instanceof Error && error.name === "AssertionError") throw error;
    return new Set();
  }
}

describe("after a power cut", () => {
  it.each([30, 200, 700, 2500])(
    "the embedded database opens and has every acknowledged commit (%i of them)",
    async (after) => {
      const { acknowledged, lost } = await cutPower(`durable-${after}`, { durable: true, after, made: "before" });
      expect(acknowledged).toBeGreaterThan(after);
      expect(lost).toBe(0);
    },
  );

  it("a database that was made just before has every acknowledged commit, too", async () => {
    expect((await cutPower("made-there", { durable: true, after: 100, made: "there" })).lost).toBe(0);
  });

  it.each([1, 2])(
    "a database without the fsync has lost commits (trial %i), so this test would notice",
    async (trial) => {
      expect(
        (await cutPower(`careless-${trial}`, { durable: false, after: 500, made: "before" })).lost,
      ).toBeGreaterThan(0);
    },
  );
});
