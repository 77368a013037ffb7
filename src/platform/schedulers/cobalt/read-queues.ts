import { type Answer, silent, unreadable, wordsOf } from "../batch/command.ts";
import { fromClockSec } from "../batch/times.ts";
import type { QueueView } from "../scheduler.ts";
import { readTable } from "./read-table.ts";

/** Queues of `qstat -Q`, and how many nodes of `nodelist` are idle in each. */
export function toQueueViews(queues: Answer, nodes: Answer): QueueView[] {
  if (queues.code !== 0) throw silent("cobalt", wordsOf(queues), queues);
  const rows = readTable(queues.stdout);
  if (rows === null) throw unreadable("cobalt", queues);
  const list = nodes.code === 0 ? readTable(nodes.stdout) : null;
  return rows.map((row) => {
    const name = row.get("Name") ?? "";
    const own = list?.filter((node) => (node.get("Queues") ?? "").split(":").includes(name)) ?? null;
    const minutes = fromClockSec(row.get("MaxTime") ?? "");
    return {
      name,
      isDefault: name === "default",
      isOpen: row.get("State") === "running",
      limits: {
        maxNodes: own?.length ?? null,
        maxWallTimeMin: minutes === null ? null : Math.floor(minutes / 60),
        maxQueued: toNumber(row.get("MaxQueued")),
        maxRunning: toNumber(row.get("MaxRunning")),
        maxSubmitted: toNumber(row.get("MaxQueued")),
      },
      totalNodes: own?.length ?? null,
      idleNodes: own?.filter((node) => node.get("Status") === "idle").length ?? null,
    };
  });
}

function toNumber(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}
