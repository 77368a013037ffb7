import type { AllocationRequest, QueueView, SchedulerLimits } from "../scheduler.ts";
import type { BatchSettings } from "./settings.ts";

/** Limits of a queue (empty: the one that allocations without one get): learned ones, and the settings' where these say something. */
export function toLimits(views: readonly QueueView[], settings: BatchSettings, queue: string): SchedulerLimits {
  const learned = viewOf(views, settings, queue)?.limits ?? NO_LIMITS;
  const { maxNodes, maxWallTimeMin, maxQueued, maxRunning } = settings.limits;
  return {
    ...learned,
    maxNodes: maxNodes ?? learned.maxNodes,
    maxWallTimeMin: maxWallTimeMin ?? learned.maxWallTimeMin,
    maxQueued: maxQueued ?? learned.maxQueued,
    maxRunning: maxRunning ?? learned.maxRunning,
  };
}

/** Why a request can never run in its queue; null where nothing is known against it. Many a scheduler would let it wait for ever. */
export function overLimits(
  request: Pick<AllocationRequest, "queue" | "nodes" | "wallTimeMin">,
  views: readonly QueueView[],
  settings: BatchSettings,
): string | null {
  const limits = toLimits(views, settings, request.queue);
  const view = viewOf(views, settings, request.queue);
  const where = view === undefined ? "the scheduler" : `queue ${view.name}`;
  if (limits.maxNodes !== null && request.nodes > limits.maxNodes)
    return `${where} gives at most ${limits.maxNodes} nodes, ${request.nodes} were asked for`;
  if (limits.minNodes != null && request.nodes < limits.minNodes)
    return `${where} gives at least ${limits.minNodes} nodes, ${request.nodes} were asked for`;
  if (limits.maxWallTimeMin !== null && request.wallTimeMin > limits.maxWallTimeMin)
    return `${where} gives at most ${limits.maxWallTimeMin} minutes, ${request.wallTimeMin} were asked for`;
  return null;
}

export const NO_LIMITS: SchedulerLimits = { maxNodes: null, maxWallTimeMin: null, maxQueued: null, maxRunning: null };

function viewOf(views: readonly QueueView[], settings: BatchSettings, queue: string): QueueView | undefined {
  const name = queue === "" ? settings.queue : queue;
  return name === "" ? views.find(({ isDefault }) => isDefault) : views.find((view) => view.name === name);
}
