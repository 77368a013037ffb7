import { type Answer, silent, wordsOf } from "../batch/command.ts";
import { fromClockSec } from "../batch/times.ts";
import type { QueueView, SchedulerLimits } from "../scheduler.ts";
import { type Attributes, isAttributes, readSection } from "./read-json.ts";

type Answers = { readonly queues: Answer; readonly server: Answer; readonly nodes: Answer };

/** Queues with their limits; nodes that are bound to no queue count for each. */
export function toQueueViews({ queues, server, nodes }: Answers): QueueView[] {
  for (const answer of [queues, server, nodes]) if (answer.code !== 0) throw silent("pbs", wordsOf(answer), answer);
  const [first] = readSection(server, "Server").values();
  const hosts = toHosts(readSection(nodes, "nodes"));
  return [...readSection(queues, "Queue")].map(([name, queue]) => {
    const own = [...hosts.values()].filter((host) => host.queue === name);
    const usable = own.length > 0 ? own : [...hosts.values()].filter((host) => host.queue === "");
    return {
      name,
      isDefault: first?.default_queue === name,
      isOpen: queue.enabled === "True" && queue.started === "True",
      limits: toLimits(queue),
      totalNodes: queue.queue_type === "Route" ? null : usable.length,
      idleNodes: queue.queue_type === "Route" ? null : usable.filter(({ isIdle }) => isIdle).length,
    };
  });
}

function toLimits(queue: Attributes): SchedulerLimits {
  const most = isAttributes(queue.resources_max) ? queue.resources_max : {};
  const least = isAttributes(queue.resources_min) ? queue.resources_min : {};
  const wallTimeSec = fromClockSec(String(most.walltime ?? ""));
  const maxSubmitted = perUser(queue.max_queued);
  return {
    maxNodes: toNumber(most.nodect),
    maxWallTimeMin: wallTimeSec === null ? null : Math.floor(wallTimeSec / 60),
    maxQueued: maxSubmitted,
    maxRunning: perUser(queue.max_run),
    minNodes: toNumber(least.nodect),
    maxSubmitted,
  };
}

/** What any user may have, of `[u:PBS_GENERIC=3],[o:PBS_ALL=100]`. */
function perUser(value: unknown): number | null {
  const numbers = [...String(value ?? "").matchAll(/\[(?:u:PBS_GENERIC|o:PBS_ALL)=(\d+)\]/g)].map(([, count]) =>
    Number(count),
  );
  return numbers.length === 0 ? null : Math.min(...numbers);
}

type Host = { readonly queue: string; readonly isIdle: boolean };

/** Hosts of the vnodes that have processors; idle where nothing runs on any of them. */
function toHosts(vnodes: ReadonlyMap<string, Attributes>): Map<string, Host> {
  const hosts = new Map<string, Host>();
  for (const [name, vnode] of vnodes) {
    const available = isAttributes(vnode.resources_available) ? vnode.resources_available : {};
    if (toNumber(available.ncpus) === 0) continue;
    const host = String(available.host ?? name);
    const isFree = vnode.state === "free" && !(Array.isArray(vnode.jobs) && vnode.jobs.length > 0);
    const queue = String(vnode.queue ?? "");
    hosts.set(host, { queue, isIdle: isFree && (hosts.get(host)?.isIdle ?? true) });
  }
  return hosts;
}

function toNumber(value: unknown): number | null {
  const number = typeof value === "string" || typeof value === "number" ? Number(value) : Number.NaN;
  return Number.isInteger(number) ? number : null;
}
