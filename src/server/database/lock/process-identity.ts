import { execFile } from "node:child_process";
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { promisify } from "node:util";

/** Which process of which machine, told apart from every other one that ever was. */
export type ProcessIdentity = {
  readonly host: string;
  /** What the machine is known by besides its name, empty where it has no such id. */
  readonly machineId: string;
  /** Changes at every boot; empty where the machine does not say. */
  readonly bootId: string;
  /** The set of processes that `pid` counts in: containers have their own. Empty where there is only one. */
  readonly pidNamespace: string;
  readonly pid: number;
  /** When the process started, in the machine's own notation: a later process may get the same pid. */
  readonly startTime: string;
};

/** What is certain about a process. */
export type ProcessFate = "alive" | "dead" | "unknown";

/** The identity of this process. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  return {
    host: hostname(),
    machineId: await textOf("/etc/machine-id"),
    bootId:
      process.platform === "darwin"
        ? await outputOf("sysctl", ["-n", "kern.bootsessionuuid"])
        : await textOf("/proc/sys/kernel/random/boot_id"),
    pidNamespace: await readlink("/proc/self/ns/pid").catch(() => ""),
    pid: process.pid,
    startTime: (await statusOf(process.pid))?.startTime ?? "",
  };
}

/**
 * Says whether `other` still runs, as far as this process can know: of another machine or another container nothing is
 * certain, except that a machine's boot ended all that ran before it.
 */
export async function fateOf(other: ProcessIdentity, own: ProcessIdentity): Promise<ProcessFate> {
  if (other.host !== own.host || other.machineId !== own.machineId) return "unknown";
  if (other.bootId !== own.bootId) return "dead";
  if (other.pidNamespace !== own.pidNamespace) return "unknown";
  const now = await statusOf(other.pid);
  if (now === undefined || now.isZombie) return "dead";
  return now.startTime === other.startTime ? "alive" : "dead";
}

type ProcessStatus = { readonly startTime: string; readonly isZombie: boolean };

async function statusOf(pid: number): Promise<ProcessStatus | undefined> {
  if (process.platform !== "linux") {
    const [state, ...started] = (await outputOf("ps", ["-o", "stat=,lstart=", "-p", String(pid)])).split(/\s+/);
    return state === undefined || state === ""
      ? undefined
      : { startTime: started.join(" "), isZombie: state.startsWith("Z") };
  }
  const stat = await textOf(`/proc/${pid}/stat`);
  // pid (name) state ppid …: the name may hold anything, brackets included; the start time is the 22nd field.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, startTime] = [fields[0], fields[19]];
  if (state === undefined || startTime === undefined) return undefined;
  return { startTime, isZombie: state === "Z" || state === "X" };
}

async function textOf(file: string): Promise<string> {
  return (await readFile(file, "utf8").catch(() => "")).trim();
}

async function outputOf(command: string, args: string[]): Promise<string> {
  const run = promisify(execFile);
  return run(command, args).then(
    ({ stdout }) => stdout.trim(),
    () => "",
  );
}
