/**
 * Keeps a directory to one process at a time, on any file system, network ones included.
 *
 * The lock is a file `lock.N` that says who holds it. The highest N counts. To take the lock is to create `lock.N+1`, with
 * its content in place at once (link(2) of a finished file, which fails if the name exists): of several processes that
 * found the holder of N gone, one succeeds. To release it is to empty it (which works on a full disk, too); numbers only
 * grow. The winner removes the lower files; a process that was asleep all that time and creates one of them again sees
 * the higher one, takes its own away and has lost. There is no moment at which two processes hold the lock.
 *
 * A holder that cannot be asked (kill -9, power cut) is replaced only when it is certain that it is dead.
 */
import { link, mkdir, open, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { ConiferError } from "../../../model/errors.ts";
import { fateOf, ownIdentity, type ProcessIdentity } from "./process-identity.ts";

/** A lock that this process holds. */
export type DirectoryLock = {
  readonly directory: string;
  /** Gives the lock up; harmless when done twice. */
  release(): Promise<void>;
};

type LockRecord = ProcessIdentity & { readonly since: string };

const NAME = /^lock\.(\d{1,15})$/;
const MOST_ROUNDS = 20;

/**
 * Takes the lock of a directory, which is made if missing (mode 0700). Throws DATABASE_LOCKED, naming the holder's pid and
 * host, unless the holder is provably dead. `takeOver` takes it from one whose death cannot be proved, because it ran on
 * another machine or in another container; never from one that is seen to be alive.
 */
export async function lockDirectory(directory: string, { takeOver = false } = {}): Promise<DirectoryLock> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const own = await ownIdentity();
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const highest = await highestIn(directory);
    if (highest > 0) {
      const holder = await readRecord(directory, highest);
      // Gone since it was listed: a newer one took its place.
      if (holder === "gone") continue;
      if (holder !== "released") await expectGone(holder, { own, takeOver, directory });
    }
    if (await claim(directory, highest + 1, own)) return heldLock(directory, highest + 1);
  }
  throw new ConiferError("DATABASE_FAILED", { problem: `the lock in ${directory} changes hands all the time` });
}

async function expectGone(
  holder: LockRecord,
  { own, takeOver, directory }: { own: ProcessIdentity; takeOver: boolean; directory: string },
): Promise<void> {
  const fate = await fateOf(holder, own);
  if (fate === "dead" || (fate === "unknown" && takeOver)) return;
  throw new ConiferError("DATABASE_LOCKED", { directory, pid: holder.pid, host: holder.host, since: holder.since });
}

/** Creates `lock.<number>`; returns whether this process now holds the lock. */
async function claim(directory: string, number: number, own: ProcessIdentity): Promise<boolean> {
  const draft = await writeDraft(directory, { ...own, since: new Date().toISOString() });
  const path = join(directory, `lock.${number}`);
  try {
    await link(draft, path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
  if ((await highestIn(directory)) > number) {
    await rm(path, { force: true });
    return false;
  }
  for (const lower of await numbersIn(directory)) {
    if (lower < number) await rm(join(directory, `lock.${lower}`), { force: true });
  }
  return true;
}

function heldLock(directory: string, number: number): DirectoryLock {
  const release = async (): Promise<void> => {
    // Missing when somebody took the lock over by the flag.
    await truncate(join(directory, `lock.${number}`)).catch(ignoreMissing);
  };
  return { directory, release };
}

/** Writes a record under a name of its own, whole and synced. */
async function writeDraft(directory: string, record: LockRecord): Promise<string> {
  const path = join(directory, `lock-draft.${record.pid}.${Math.random().toString(36).slice(2)}`);
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(record, undefined, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return path;
}

async function readRecord(directory: string, number: number): Promise<LockRecord | "released" | "gone"> {
  const path = join(directory, `lock.${number}`);
  const text = await readFile(path, "utf8").catch(ignoreMissing);
  if (text === undefined) return "gone";
  if (text === "") return "released";
  try {
    return JSON.parse(text) as LockRecord;
  } catch (cause) {
    throw new ConiferError("DATABASE_FAILED", { problem: `${path} holds no lock: ${text.slice(0, 100)}` }, { cause });
  }
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}

async function highestIn(directory: string): Promise<number> {
  return Math.max(0, ...(await numbersIn(directory)));
}

async function numbersIn(directory: string): Promise<number[]> {
  const names = await readdir(directory);
  return names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number);
}
