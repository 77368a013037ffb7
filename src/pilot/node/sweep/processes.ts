import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { agentMarker, taskMarker } from "../prepare/environment.ts";

/** Reused: an environment is rarely over a few KiB, and markers past the first MiB of one are not looked for. */
const buffer = Buffer.allocUnsafe(1024 * 1024);

/**
 * Finds the processes of an agent's tasks by the markers in their environment, which children inherit wherever they
 * go: out of their process group and session, to another parent. Process ids by task. A process that wipes its environment
 * and leaves its group is not found.
 */
export function findTaskProcesses(agent: string): Map<string, number[]> {
  const ofAgent = Buffer.from(`${agentMarker}=${agent}\0`);
  const found = new Map<string, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const environment = readEnvironment(pid);
    if (environment === null || !environment.includes(ofAgent)) continue;
    const task = markerValue(environment, taskMarker);
    if (task === null) continue;
    const pids = found.get(task);
    if (pids) pids.push(pid);
    else found.set(task, [pid]);
  }
  return found;
}

/** The process group of a process, or null when it is gone. */
export function groupOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in brackets may hold anything; then come state, parent and group.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
  } catch {
    return null;
  }
}

/** Null for a process that is gone, a kernel's or another user's. */
function readEnvironment(pid: number): Buffer | null {
  let file: number;
  try {
    file = openSync(`/proc/${pid}/environ`, "r");
  } catch {
    return null;
  }
  try {
    let length = 0;
    while (length < buffer.length) {
      const read = readSync(file, buffer, length, buffer.length - length, null);
      if (read === 0) break;
      length += read;
    }
    return length === 0 ? null : buffer.subarray(0, length);
  } catch {
    return null;
  } finally {
    closeSync(file);
  }
}

function markerValue(environment: Buffer, name: string): string | null {
  const entry = `${name}=`;
  let at = environment.indexOf(entry);
  while (at > 0 && environment[at - 1] !== 0) at = environment.indexOf(entry, at + 1);
  if (at < 0) return null;
  const end = environment.indexOf(0, at);
  return environment.toString("utf8", at + entry.length, end < 0 ? environment.length : end);
}
