/**
 * The elastic decision: which allocations to ask for or to give up, so that the runnable jobs find nodes and nobody
 * holds nodes for nothing. A pure function of what is known at one moment; a site and a flow differ only in the demand
 * they count.
 *
 * Nodes wanted are those on which all runnable jobs run side by side, but no more than would be busy for the shortest
 * allocation worth asking for: a thousand jobs of a second do not want a thousand nodes. From that goes what is idle or
 * on its way; the rest is asked for, as far as the policy and the scheduler allow. Allocations that run are never given
 * up: their pilots leave by themselves when they have nothing to do.
 */
import type { Demand } from "../client/wire/sessions.ts";
import type { NodeCapacity } from "../model/resources.ts";
import { footprint, type Shape, sortOut } from "./footprint.ts";

export type ElasticPolicy = {
  /** Nodes of the smallest allocation worth asking for. */
  readonly minNodes: number;
  /** Nodes of all allocations together, whoever asked for them. */
  readonly maxNodes: number;
  readonly minWallTimeMin: number;
  readonly maxWallTimeMin: number;
  /** Allocations that wait to start, at most. */
  readonly maxQueued: number;
  readonly filterTags: Readonly<Record<string, string>>;
};
export type ElasticLimits = {
  readonly node: NodeCapacity;
  /** Nodes of one allocation; null = no limit. */
  readonly maxNodes: number | null;
  readonly maxWallTimeMin: number | null;
  /** Nodes that could start something now, where no more than these may be asked for; null = no matter. */
  readonly idleNodes: number | null;
  /** What an allocation needs beside its jobs: start, and the margin at its end. */
  readonly overheadMin: number;
};
/** An allocation that waits or runs. Times are milliseconds since 1970. */
export type ElasticAllocation = {
  readonly id: number;
  readonly state: "pending_submission" | "queued" | "running" | "pending_deletion";
  readonly origin: "user" | "elastic";
  readonly nodes: number;
  readonly wallTimeMin: number;
  readonly filterTags: Readonly<Record<string, string>>;
  readonly startedAt: number | null;
};
export type ElasticHistory = {
  /** Elastic allocations in a row, up to the last, that ended as soon as they began or could not be submitted. */
  readonly failedStarts: number;
  readonly lastFailureAt: number | null;
  readonly lastFailure: string;
  /** Since when there has been nothing to run; null = there is something. */
  readonly emptySince: number | null;
};
export type ElasticInput = {
  readonly demand: Demand;
  readonly allocations: readonly ElasticAllocation[];
  readonly policy: ElasticPolicy;
  readonly limits: ElasticLimits;
  readonly history: ElasticHistory;
  /** Milliseconds since 1970. */
  readonly now: number;
};
export type ElasticDecision = {
  readonly submit: readonly {
    readonly nodes: number;
    readonly wallTimeMin: number;
    readonly filterTags: Readonly<Record<string, string>>;
  }[];
  /** Ids of allocations that still wait and are no longer wanted. */
  readonly cancel: readonly number[];
  /** For people. */
  readonly why: string;
};

/** Failed starts in a row after which there is a pause, which doubles with each further one. */
const FAILURES_TOLERATED = 3;
const FIRST_PAUSE_MIN = 1;
const LONGEST_PAUSE_MIN = 60;
/** A waiting allocation is kept so long with nothing to run: its place in the queue is worth something. */
const KEEP_WAITING_MIN = 5;

export function decide(input: ElasticInput): ElasticDecision {
  const { demand, policy, limits } = input;
  const cap = Math.min(policy.maxNodes, limits.maxNodes ?? Number.POSITIVE_INFINITY);
  const longest = Math.min(policy.maxWallTimeMin, limits.maxWallTimeMin ?? Number.POSITIVE_INFINITY);
  const { fitting, never } = sortOut(demand.shapes, {
    node: limits.node,
    maxNodes: cap,
    maxWallTimeMin: longest - limits.overheadMin,
  });
  const note = never.length === 0 ? "" : `; ${never.join("; ")}`;
  if (fitting.length === 0) return { ...nothingToRun(input), why: `nothing to run${note}` };

  const wanted = wantedNodes(fitting, policy);
  const { idle, active } = supply(input, fitting);
  const jobs = fitting.reduce((sum, shape) => sum + shape.count, 0);
  const need = Math.ceil(wanted - idle - 1e-9);
  const widest = widestUnserved(fitting, input);
  const told = `${jobs} runnable jobs want ${round(wanted)} nodes, ${round(idle)} are idle or coming`;
  if (need <= 0 && widest === 0) return { submit: [], cancel: [], why: `${told}${note}` };

  const pause = pausedUntil(input);
  if (pause !== null) return { submit: [], cancel: [], why: `${pause}; ${told}${note}` };

  const waiting = input.allocations.filter(({ state }) => state === "pending_submission" || state === "queued").length;
  const idleNodes = limits.idleNodes ?? Number.POSITIVE_INFINITY;
  const room = { nodes: Math.min(policy.maxNodes - active, idleNodes), allocations: policy.maxQueued - waiting };
  const sizes = cutUp(Math.max(need, widest), { cap, least: Math.max(policy.minNodes, widest), room });
  const nodes = sizes.reduce((sum, size) => sum + size, 0);
  const wallTimeMin = wallTime(fitting, { nodes: nodes + idle, longest, policy, overheadMin: limits.overheadMin });
  const submit = sizes.map((size) => ({ nodes: size, wallTimeMin, filterTags: policy.filterTags }));
  return { submit, cancel: [], why: `${told}: ${outcome(sizes, room, input)}${note}` };
}

function nothingToRun({ allocations, history, now }: ElasticInput): { submit: []; cancel: number[] } {
  const isOver = history.emptySince !== null && now - history.emptySince >= KEEP_WAITING_MIN * 60_000;
  const waiting = allocations.filter(
    ({ state, origin }) => origin === "elastic" && (state === "queued" || state === "pending_submission"),
  );
  return { submit: [], cancel: isOver ? waiting.map(({ id }) => id) : [] };
}

/** Side by side, but none that would have less to do than the shortest allocation is long. */
function wantedNodes(shapes: readonly Shape[], policy: ElasticPolicy): number {
  const { sideBySide, busyNodeMin, unknown } = footprint(shapes);
  return Math.min(sideBySide, unknown + busyNodeMin / policy.minWallTimeMin);
}

/** Nodes that are or will be free for these jobs, and nodes asked for in all. */
function supply(
  { allocations, demand, limits, now }: ElasticInput,
  shapes: readonly Shape[],
): { idle: number; active: number } {
  const shortest = Math.min(...shapes.map((shape) => shape.wallTimeMin)) + limits.overheadMin;
  const active = allocations.filter(({ state }) => state !== "pending_deletion");
  const useful = active.filter(({ filterTags }) => shapes.some((shape) => serves(filterTags, shape.tags)));
  const running = useful.filter((one) => one.state === "running" && minutesLeft(one, now) > shortest);
  const coming = useful.filter(({ state }) => state !== "running");
  const busy = limits.node.cores > 0 ? demand.running.cores / limits.node.cores : 0;
  return { idle: Math.max(0, nodesOf(running) - busy) + nodesOf(coming), active: nodesOf(active) };
}

/** The widest job's nodes where no allocation is wide enough for it; else 0. */
function widestUnserved(shapes: readonly Shape[], { allocations }: ElasticInput): number {
  const widest = Math.max(...shapes.map(({ nodes }) => nodes));
  const widths = allocations.filter(({ state }) => state !== "pending_deletion").map(({ nodes }) => nodes);
  return widest > 1 && !widths.some((nodes) => nodes >= widest) ? widest : 0;
}

type Room = { readonly nodes: number; readonly allocations: number };

/** Allocations that make up `need` nodes: as few as may be, none smaller than `least`, no more than there is room for. */
function cutUp(need: number, { cap, least, room }: { cap: number; least: number; room: Room }): number[] {
  const sizes: number[] = [];
  for (let left = need, nodes = room.nodes; left > 0 && sizes.length < room.allocations; ) {
    const size = Math.min(Math.max(left, least), cap, nodes);
    if (size < least || size < 1) break;
    sizes.push(size);
    left -= size;
    nodes -= size;
  }
  return sizes;
}

/** Long enough for the longest job and, where all say how long they take, for all of them on these nodes. */
function wallTime(
  shapes: readonly Shape[],
  {
    nodes,
    longest,
    policy,
    overheadMin,
  }: { nodes: number; longest: number; policy: ElasticPolicy; overheadMin: number },
): number {
  if (shapes.some(({ wallTimeMin }) => wallTimeMin === 0)) return longest;
  const longestJob = Math.max(...shapes.map(({ wallTimeMin }) => wallTimeMin));
  const all = (1.2 * footprint(shapes).busyNodeMin) / Math.max(1, nodes);
  const asked = Math.max(policy.minWallTimeMin, Math.ceil(Math.max(longestJob, all) + overheadMin));
  return Math.min(longest, asked);
}

function outcome(sizes: readonly number[], room: Room, { policy, limits }: ElasticInput): string {
  if (sizes.length > 0)
    return `asked for ${sizes.length === 1 ? `one allocation of ${sizes[0]}` : `${sizes.length} allocations of ${sizes.join(", ")}`} nodes`;
  const cap = Math.min(policy.maxNodes, limits.maxNodes ?? Number.POSITIVE_INFINITY);
  if (policy.minNodes > cap) return `minNodes is ${policy.minNodes}, but the scheduler gives at most ${cap}`;
  if (room.allocations <= 0) return `${policy.maxQueued} allocations wait already (maxQueued)`;
  if (limits.idleNodes !== null && room.nodes >= limits.idleNodes)
    return `${limits.idleNodes} nodes are idle (backfill)`;
  return `more than maxNodes, ${policy.maxNodes}, would be needed`;
}

function pausedUntil({ history, now }: ElasticInput): string | null {
  const { failedStarts, lastFailureAt, lastFailure } = history;
  if (failedStarts < FAILURES_TOLERATED || lastFailureAt === null) return null;
  const pauseMin = Math.min(LONGEST_PAUSE_MIN, FIRST_PAUSE_MIN * 2 ** (failedStarts - FAILURES_TOLERATED));
  const until = lastFailureAt + pauseMin * 60_000;
  if (now >= until) return null;
  const words = lastFailure === "" ? "" : ` (the last: ${lastFailure})`;
  return `paused until ${new Date(until).toISOString()}, ${failedStarts} allocations in a row failed as they started${words}`;
}

function minutesLeft({ startedAt, wallTimeMin }: ElasticAllocation, now: number): number {
  return wallTimeMin - (now - (startedAt ?? now)) / 60_000;
}

/** A pilot takes only jobs with all of its allocation's tags. */
function serves(filter: Readonly<Record<string, string>>, tags: Readonly<Record<string, string>>): boolean {
  return Object.entries(filter).every(([key, value]) => tags[key] === value);
}

function nodesOf(allocations: readonly ElasticAllocation[]): number {
  return allocations.reduce((sum, { nodes }) => sum + nodes, 0);
}

function round(nodes: number): number {
  return Math.round(nodes * 10) / 10;
}
