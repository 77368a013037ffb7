import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { identityOf, isRunning, type ProcessIdentity } from "./identity.ts";

/** Processes of this user whose environment holds the entry `NAME=value`, this process excepted. */
export async function findMarked(entry: string): Promise<ProcessIdentity[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => ((await holds(pid, entry)) ? identityOf(pid) : null)));
  return found.filter((identity) => identity !== null);
}

/**
 * Ends every process that carries the entry, and those they start meanwhile: SIGTERM, up to `graceSec`, then SIGKILL
 * until none is left. Answers how many there were at first, and how many could not be ended within ten seconds.
 */
export async function endMarked(entry: string, graceSec: number): Promise<{ found: number; left: number }> {
  const first = await findMarked(entry);
  for (const { pid } of first) signal(pid, "SIGTERM");
  await allGone(first, graceSec * 1000);
  const until = performance.now() + 10_000;
  let left = await findMarked(entry);
  while (left.length > 0 && performance.now() < until) {
    for (const { pid } of left) signal(pid, "SIGKILL");
    await allGone(left, 200);
    left = await findMarked(entry);
  }
  return { found: first.length, left: left.length };
}

/** Sends a signal; false where there is no such process any more, or it is another user's. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** Waits until none of these processes runs, at most `mostMs`; false where one still does. */
export async function allGone(processes: readonly ProcessIdentity[], mostMs: number): Promise<boolean> {
  const until = performance.now() + mostMs;
  for (let waitMs = 2; ; waitMs = Math.min(waitMs * 2, 100)) {
    const running = await Promise.all(processes.map(isRunning));
    if (!running.includes(true)) return true;
    if (performance.now() >= until) return false;
    await delay(waitMs);
  }
}

async function holds(pid: number, entry: string): Promise<boolean> {
  if (pid === process.pid) return false;
  const environment = await readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
  return environment === entry || environment.split("\0").includes(entry);
}
