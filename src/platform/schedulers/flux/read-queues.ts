import { type Answer, silent, unreadable, wordsOf } from "../batch/command.ts";
import type { QueueView } from "../scheduler.ts";

/** Queues and their nodes; a Flux without queues has one, of no name. */
export function toQueueViews(answer: Answer): QueueView[] {
  if (answer.code !== 0) throw silent("flux", wordsOf(answer), answer);
  const queues = new Map<string, { total: number; idle: number; up: number }>();
  for (const line of answer.stdout.split("\n").filter((text) => text.trim() !== "")) {
    const [names = "", state = "", nodes = ""] = line.split("\t");
    if (!/^\s*\d+\s*$/.test(nodes)) throw unreadable("flux", answer);
    // Nodes may be in several queues.
    for (const name of names.trim().split(",")) {
      const queue = queues.get(name) ?? { total: 0, idle: 0, up: 0 };
      queue.total += Number(nodes);
      if (state.trim() === "free") queue.idle += Number(nodes);
      if (state.trim() !== "down") queue.up += Number(nodes);
      queues.set(name, queue);
    }
  }
  // Where there are queues, nodes of none (a state that no node is in, say) belong to nobody.
  if (queues.size > 1) queues.delete("");
  return [...queues].map(([name, { total, idle, up }]) => ({
    name,
    isDefault: name === "",
    isOpen: up > 0,
    limits: { maxNodes: total, maxWallTimeMin: null, maxQueued: null, maxRunning: null },
    totalNodes: total,
    idleNodes: idle,
  }));
}
