import { type Answer, silent, unreadable, wordsOf } from "../batch/command.ts";
import { fromClockSec } from "../batch/times.ts";
import type { QueueView } from "../scheduler.ts";
import { elements, isWhole, textOf } from "./read-xml.ts";

export function readQueueNames(answer: Answer): string[] {
  if (answer.code !== 0) throw silent("sge", wordsOf(answer), answer);
  return answer.stdout.split("\n").filter((line) => line.trim() !== "");
}

/** Queues with their wall time limits and hosts; a host is idle where no queue uses a slot of it. */
export function toQueueViews(queues: Answer, instances: Answer): QueueView[] {
  for (const answer of [queues, instances]) if (answer.code !== 0) throw silent("sge", wordsOf(answer), answer);
  if (!isWhole(instances.stdout, "job_info")) throw unreadable("sge", instances);
  const all = elements(instances.stdout, "Queue-List").map((xml) => {
    const [queue = "", host = ""] = (textOf(xml, "name") ?? "").split("@");
    return { queue, host, used: Number(textOf(xml, "slots_used") ?? 0), state: textOf(xml, "state") ?? "" };
  });
  const busy = new Set(all.filter(({ used }) => used > 0).map(({ host }) => host));
  return queues.stdout.split(/^(?=qname\s)/m).flatMap((block) => {
    const name = /^qname\s+(\S+)/.exec(block)?.[1];
    if (name === undefined) return [];
    const hosts = all.filter(({ queue }) => queue === name);
    // a, A: overloaded; d, D: disabled; u: does not answer; E: in error; s, S, C: suspended.
    const usable = hosts.filter(({ state }) => !/[adDuEsSC]/.test(state));
    const wallTimeSec = fromClockSec(/^h_rt\s+(\S+?)(?:,|\s|$)/m.exec(block)?.[1] ?? "");
    return {
      name,
      isDefault: false,
      isOpen: usable.length > 0,
      limits: {
        maxNodes: hosts.length,
        maxWallTimeMin: wallTimeSec === null ? null : Math.floor(wallTimeSec / 60),
        maxQueued: null,
        maxRunning: null,
      },
      totalNodes: hosts.length,
      idleNodes: usable.filter(({ host }) => !busy.has(host)).length,
    };
  });
}
