import { type Answer, silent, unreadable, wordsOf } from "../batch/command.ts";
import { fromClockSec } from "../batch/times.ts";
import type { QueueView } from "../scheduler.ts";

export type QosLimits = {
  readonly maxSubmitted: number | null;
  readonly maxRunning: number | null;
  readonly maxWallTimeMin: number | null;
};

/** Partitions with their limits, their QOS's limits, and their nodes. */
export function toQueueViews(
  partitions: Answer,
  nodes: ReadonlyMap<string, { readonly idle: number; readonly total: number }>,
  qos: ReadonlyMap<string, QosLimits>,
): QueueView[] {
  if (partitions.code !== 0) throw silent("slurm", wordsOf(partitions), partitions);
  const lines = partitions.stdout.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const fields = new Map(line.trim().split(/\s+/).map(toField));
    const name = fields.get("PartitionName");
    if (name === undefined) throw unreadable("slurm", partitions);
    const limits = qos.get(fields.get("QoS") ?? "");
    const count = nodes.get(name);
    const total = toNumber(fields.get("TotalNodes")) ?? count?.total ?? null;
    const minNodes = toNumber(fields.get("MinNodes"));
    return {
      name,
      isDefault: fields.get("Default") === "YES",
      isOpen: fields.get("State") === "UP",
      limits: {
        maxNodes: least(toNumber(fields.get("MaxNodes")), total),
        maxWallTimeMin: least(toMinutes(fields.get("MaxTime")), limits?.maxWallTimeMin ?? null),
        maxQueued: limits?.maxSubmitted ?? null,
        maxRunning: limits?.maxRunning ?? null,
        minNodes: minNodes === 0 ? null : minNodes,
        maxSubmitted: limits?.maxSubmitted ?? null,
      },
      totalNodes: total,
      idleNodes: count?.idle ?? null,
    };
  });
}

/** Idle and all nodes by partition, from `sinfo --format=%R|%F`: allocated/idle/other/total. */
export function readSinfo(answer: Answer): Map<string, { idle: number; total: number }> {
  if (answer.code !== 0) throw silent("slurm", wordsOf(answer), answer);
  const counts = new Map<string, { idle: number; total: number }>();
  for (const line of answer.stdout.split("\n").filter((text) => text.trim() !== "")) {
    const match = /^(.+)\|(\d+)\/(\d+)\/(\d+)\/(\d+)$/.exec(line.trim());
    if (match === null) throw unreadable("slurm", answer);
    const [, name = "", , idle, , total] = match;
    counts.set(name, { idle: Number(idle), total: Number(total) });
  }
  return counts;
}

/** Limits of each QOS; none where there is no accounting. */
export function readQos(answer: Answer): Map<string, QosLimits> {
  if (answer.code !== 0) return new Map();
  return new Map(
    answer.stdout.split("\n").flatMap((line) => {
      const [name = "", submit, jobs, wall] = line.trim().split("|");
      if (name === "" || wall === undefined) return [];
      const limits = { maxSubmitted: toNumber(submit), maxRunning: toNumber(jobs), maxWallTimeMin: toMinutes(wall) };
      return [[name, limits] as const];
    }),
  );
}

/** Accounts of a user; null where there is no accounting, or none for this user. */
export function readAccounts(answer: Answer): string[] | null {
  const names = answer.stdout.split("\n").map((line) => line.trim());
  const accounts = [...new Set(names.filter((name) => name !== ""))];
  return answer.code !== 0 || accounts.length === 0 ? null : accounts;
}

function toField(text: string): [string, string] {
  const equals = text.indexOf("=");
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function toNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

function toMinutes(text: string | undefined): number | null {
  const seconds = text === undefined || text === "" ? null : fromClockSec(text);
  return seconds === null ? null : Math.floor(seconds / 60);
}

function least(one: number | null, other: number | null): number | null {
  return one === null ? other : other === null ? one : Math.min(one, other);
}
