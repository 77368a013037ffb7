import { type Answer, silent, wordsOf } from "../batch/command.ts";
import type { QueueView } from "../scheduler.ts";

type Answers = { readonly queues: Answer; readonly params: Answer; readonly hosts: Answer };

/** Queues of `bqueues -l`; LSF does not tell which hosts are which queue's, so all count for each. */
export function toQueueViews({ queues, params, hosts }: Answers): QueueView[] {
  if (queues.code !== 0) throw silent("lsf", wordsOf(queues), queues);
  const defaults = /Default Queues:\s*(.*)$/im.exec(params.stdout)?.[1]?.trim().split(/\s+/) ?? [];
  const nodes = hosts.code === 0 ? countHosts(hosts.stdout) : { totalNodes: null, idleNodes: null };
  return queues.stdout.split(/^(?=QUEUE:\s)/m).flatMap((block) => {
    const name = /^QUEUE:\s+(\S+)/.exec(block)?.[1];
    if (name === undefined) return [];
    const limits = /^MAXIMUM LIMITS:[\s\S]*/m.exec(block)?.[0] ?? block.replace(/^DEFAULT LIMITS:[\s\S]*/m, "");
    const runLimit = /RUNLIMIT[^\n]*\n\s*([\d.]+)\s*min/.exec(limits)?.[1];
    return {
      name,
      isDefault: defaults[0] === name,
      isOpen: /\bOpen:Active\b/.test(block),
      limits: {
        maxNodes: nodes.totalNodes,
        maxWallTimeMin: runLimit === undefined ? null : Math.floor(Number(runLimit)),
        maxQueued: null,
        maxRunning: null,
      },
      ...nodes,
    };
  });
}

/** Hosts of `bhosts -w` by the columns STATUS and NJOBS. */
function countHosts(text: string): { totalNodes: number; idleNodes: number } {
  const [header = "", ...lines] = text.split("\n").filter((line) => line.trim() !== "");
  const columns = header.trim().split(/\s+/);
  const [status, jobs] = [columns.indexOf("STATUS"), columns.indexOf("NJOBS")];
  const hosts = lines.map((line) => line.trim().split(/\s+/));
  return {
    totalNodes: hosts.length,
    idleNodes: hosts.filter((host) => host[status] === "ok" && host[jobs] === "0").length,
  };
}
