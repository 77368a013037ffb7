import type { JobEvent } from "../../client/wire/entities.ts";
import type { TaskInterval } from "../report/index.ts";

/** One attempt of a job as it ran. */
export type Run = {
  readonly job: number;
  readonly attempt: number;
  readonly batchJob: number | null;
  readonly nodes: readonly string[];
  /** On each of them; empty where it was not pinned. */
  readonly cores: readonly number[];
  readonly startMs: number;
  readonly endMs: number;
  readonly outcome: TaskInterval["outcome"];
};

/**
 * The runs that a job's events tell of. A start and an end that the pilot told together are one event that passes
 * through RUNNING and names the start in `startedAt`.
 */
export function runsOf(events: readonly JobEvent[]): Run[] {
  const runs: Run[] = [];
  const open = new Map<number, { startMs: number; event: JobEvent }>();
  for (const event of events) {
    if (event.stale) continue;
    const at = Date.parse(event.at);
    if (event.path.includes("RUNNING")) open.set(event.attempt, { startMs: timeOf(event.data.startedAt) ?? at, event });
    const end = event.path.find((state) => ENDS.has(state));
    const begun = open.get(event.attempt);
    if (end === undefined || !begun) continue;
    open.delete(event.attempt);
    const data = { ...begun.event.data, ...event.data };
    runs.push({
      job: event.jobId,
      attempt: event.attempt,
      batchJob: event.batchJobId ?? begun.event.batchJobId,
      nodes: typeof data.node === "string" ? data.node.split(",") : ["node"],
      cores: Array.isArray(data.cores) ? data.cores.filter((core) => typeof core === "number") : [],
      startMs: begun.startMs,
      endMs: Math.max(begun.startMs, timeOf(event.data.endedAt) ?? at),
      outcome: end === "RUN_DONE" ? "ok" : end === "USER_KILLED" ? "killed" : "failed",
    });
  }
  return runs;
}

/** What a picture says of a job. */
export type RunLabel = {
  readonly label: string;
  readonly group: string;
  /** Cores that it has on each node. Default 1. */
  readonly cores?: number;
};

/**
 * Gives each run its slots on its nodes: the cores it was pinned to, numbered from 0 in order; runs without pinned cores
 * get the first slots that are free.
 */
export function placeRuns(runs: readonly Run[], labels: ReadonlyMap<number, RunLabel>): TaskInterval[] {
  const coresOf = new Map<string, Set<number>>();
  for (const { nodes, cores } of runs)
    for (const node of nodes) coresOf.set(node, new Set([...(coresOf.get(node) ?? []), ...cores]));
  const slotOf = new Map<string, Map<number, number>>();
  for (const [node, cores] of coresOf) {
    const sorted = [...cores].sort((a, b) => a - b);
    slotOf.set(node, new Map(sorted.map((core, slot) => [core, slot])));
  }
  const freeFrom = new Map<string, number[]>();
  return [...runs]
    .sort((a, b) => a.startMs - b.startMs)
    .flatMap((run) => {
      const { startMs, endMs, outcome } = run;
      const { label = `job ${run.job}`, group = "job", cores = 1 } = labels.get(run.job) ?? {};
      const places = run.nodes.flatMap((node) => {
        const known = slotOf.get(node);
        const slots =
          run.cores.length > 0
            ? run.cores.map((core) => known?.get(core) ?? 0)
            : Array.from({ length: cores }, () => firstFree(freeFrom, { node, startMs, endMs }, known?.size ?? 0));
        return slots.map((slot) => ({ node, slot }));
      });
      return places.map((place, part) => ({ ...place, part, label, group, startMs, endMs, outcome }));
    });
}

const ENDS: ReadonlySet<string> = new Set(["RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT", "USER_KILLED"]);

type Stay = { readonly node: string; readonly startMs: number; readonly endMs: number };

function firstFree(freeFrom: Map<string, number[]>, run: Stay, pinned: number): number {
  const slots = freeFrom.get(run.node) ?? [];
  freeFrom.set(run.node, slots);
  const found = slots.findIndex((until) => until <= run.startMs);
  const slot = found === -1 ? slots.length : found;
  slots[slot] = run.endMs;
  return pinned + slot;
}

function timeOf(value: unknown): number | null {
  if (typeof value === "number") return value;
  const read = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(read) ? null : read;
}
