import type { ElasticAllocation, ElasticHistory, ElasticLimits } from "../../allocation/index.ts";
import type { BatchJob } from "../../client/wire/entities.ts";
import type { NodeCapacity } from "../../model/resources.ts";
import type { SchedulerLimits } from "../../platform/schedulers/scheduler.ts";
import type { Settings } from "../settings/schema.ts";

/** An elastic allocation that ended within this time of its start did no work worth the name. */
const FAILED_START_MS = 60_000;

export function toElasticAllocations(batchJobs: readonly BatchJob[]): ElasticAllocation[] {
  return batchJobs.flatMap(({ id, state, origin, nodes, wallTimeMin, filterTags, started }) =>
    state === "pending_submission" || state === "queued" || state === "running" || state === "pending_deletion"
      ? { id, state, origin, nodes, wallTimeMin, filterTags, startedAt: started === null ? null : Date.parse(started) }
      : [],
  );
}

/**
 * How many elastic allocations in a row, up to the last, failed as they started. One that has run for a while, or ended
 * well, breaks the row. `ended` has the last first.
 */
export function failedStarts(
  ended: readonly BatchJob[],
  open: readonly BatchJob[],
  now: number,
): Pick<ElasticHistory, "failedStarts" | "lastFailureAt" | "lastFailure"> {
  const elastic = ended.filter(({ origin }) => origin === "elastic");
  const firstGood = elastic.findIndex((batchJob) => !isFailedStart(batchJob));
  const row = firstGood < 0 ? elastic : elastic.slice(0, firstGood);
  const last = row[0];
  const isRunningWell = open.some(
    ({ id, origin, state, started }) =>
      origin === "elastic" &&
      state === "running" &&
      started !== null &&
      now - Date.parse(started) > FAILED_START_MS &&
      id > (last?.id ?? 0),
  );
  if (last === undefined || isRunningWell) return { failedStarts: 0, lastFailureAt: null, lastFailure: "" };
  const at = Date.parse(last.ended ?? last.created);
  return { failedStarts: row.length, lastFailureAt: at, lastFailure: last.reason };
}

function isFailedStart({ state, started, ended }: BatchJob): boolean {
  if (state === "submit_failed") return true;
  if (state !== "failed") return false;
  return started === null || ended === null || Date.parse(ended) - Date.parse(started) < FAILED_START_MS;
}

export function toElasticLimits(
  scheduler: SchedulerLimits & { readonly idleNodes: number | null },
  node: NodeCapacity,
  settings: Settings,
): ElasticLimits {
  return {
    node,
    idleNodes: scheduler.idleNodes,
    maxNodes: scheduler.maxNodes,
    maxWallTimeMin: scheduler.maxWallTimeMin,
    // A minute to start, and the margin in which the pilot starts nothing more.
    overheadMin: 1 + settings.pilot.endMarginSec / 60,
  };
}
