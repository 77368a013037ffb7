import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";

/**
 * Who a process is, for as long as the machine lives: pids are used again, so a pid alone names nobody. The start time
 * (clock ticks since boot, field 22 of /proc/PID/stat, proc(5)) together with the boot id does.
 */
export type ProcessIdentity = {
  readonly pid: number;
  readonly startTicks: string;
  readonly bootId: string;
};

/** The identity of a process that runs here now; null where there is none (a zombie counts as none). */
export async function identityOf(pid: number): Promise<ProcessIdentity | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => null);
  return stat === null ? null : toIdentity(pid, stat);
}

/** The identity of this process. */
export function ownIdentity(): ProcessIdentity {
  const stat = readFileOr("/proc/self/stat");
  return toIdentity(process.pid, stat) ?? { pid: process.pid, startTicks: "", bootId: bootId() };
}

/** Whether exactly this process still runs on this machine. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  const now = await identityOf(identity.pid);
  return now !== null && now.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/** Changes whenever the machine restarts; the host's name where there is no /proc. */
export function bootId(): string {
  boot ??= readFileOr("/proc/sys/kernel/random/boot_id").trim() || hostname();
  return boot;
}

let boot: string | undefined;

/** Fields of /proc/PID/stat after the command's name, which may itself hold spaces and brackets; `state` is the first. */
export function statFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function toIdentity(pid: number, stat: string): ProcessIdentity | null {
  const fields = statFields(stat);
  const [state] = fields;
  const startTicks = fields[19];
  return startTicks === undefined || state === "Z" || state === "X" ? null : { pid, startTicks, bootId: bootId() };
}

function readFileOr(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
