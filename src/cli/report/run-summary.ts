import type { AllocationSpan, TaskInterval, UtilisationInput } from "./task-interval.ts";
import { describeDuration } from "./time-axis.ts";

/** The share of the allocated slot time during which a task ran, from 0 to 1. */
export function meanUtilisation(input: UtilisationInput): number {
  const spans = allocationSpans(input);
  const availableMs = spans.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0) * countSlots(input);
  const busyMs = input.intervals.reduce((sum, { startMs, endMs }) => sum + Math.max(endMs - startMs, 0), 0);
  return availableMs > 0 ? Math.min(busyMs / availableMs, 1) : 0;
}

/** The allocation's spans in order, those that overlap joined. */
export function allocationSpans({ intervals, allocation }: UtilisationInput): AllocationSpan[] {
  const given = allocation !== undefined && allocation.length > 0 ? allocation : whole(intervals);
  const joined: { startMs: number; endMs: number }[] = [];
  for (const { startMs, endMs } of [...given].sort((a, b) => a.startMs - b.startMs)) {
    const last = joined.at(-1);
    if (last !== undefined && startMs <= last.endMs) last.endMs = Math.max(last.endMs, endMs);
    else joined.push({ startMs, endMs });
  }
  return joined;
}

function whole(intervals: readonly TaskInterval[]): AllocationSpan[] {
  const startMs = findLeast(intervals.map((interval) => interval.startMs));
  const lastEnd = findLeast(intervals.map(({ endMs }) => -endMs));
  return startMs === undefined || lastEnd === undefined ? [] : [{ startMs, endMs: -lastEnd }];
}

/** The slots declared or, if none are, those the tasks ran on. */
export function countSlots({ slots, intervals }: UtilisationInput): number {
  const declared = slots.reduce((sum, { count }) => sum + count, 0);
  return declared > 0 ? declared : new Set(intervals.map(({ node, slot }) => `${node} ${slot}`)).size;
}

/** The one thing to know about a run, in a line. */
export function writeHeadline(input: UtilisationInput, spans: readonly AllocationSpan[], slotCount: number): string {
  if (input.intervals.length === 0) return "No task ran";
  const percent = Math.round(100 * meanUtilisation(input));
  const allocatedMs = spans.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
  return `${percent} % of ${plural(slotCount, "slot")} busy over ${describeDuration(allocatedMs)}`;
}

/** The other figures of a run, in a line. */
export function writeSummary({ intervals, slots }: UtilisationInput, spanMs: number): string {
  const tasks = intervals.filter(({ part = 0 }) => part === 0);
  const count = (outcome: TaskInterval["outcome"]) => tasks.filter((one) => one.outcome === outcome).length;
  const [failed, killed] = [count("failed"), count("killed")];
  const mean = tasks.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0) / Math.max(tasks.length, 1);
  return [
    plural(tasks.length, "task"),
    ...(slots.length > 0 ? [`on ${plural(slots.length, "node")}`] : []),
    ...(tasks.length > 0 ? [`mean ${describeDuration(mean)}`] : []),
    ...(tasks.length > 1 && spanMs > 0 ? [`${rate((1000 * tasks.length) / spanMs)}`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(killed > 0 ? [`${killed} killed`] : []),
  ].join(" · ");
}

function rate(perSecond: number): string {
  if (perSecond >= 1) return `${perSecond < 10 ? perSecond.toFixed(1) : groupDigits(perSecond)} tasks/s`;
  if (perSecond * 60 >= 1) return `${(perSecond * 60).toFixed(1)} tasks/min`;
  return `${(perSecond * 3600).toFixed(1)} tasks/h`;
}

function plural(count: number, noun: string): string {
  return `${groupDigits(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function groupDigits(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** The least of many numbers, if any: spreading a very long list into Math.min overflows the stack. */
export function findLeast(values: readonly number[]): number | undefined {
  let result: number | undefined;
  for (const value of values) if (result === undefined || value < result) result = value;
  return result;
}
