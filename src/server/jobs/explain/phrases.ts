/** What several explanations say. */
import { formatDuration } from "../../../model/durations.ts";
import { formatIdSet } from "../../../model/id-set.ts";
import type { Facts } from "./facts.ts";

/** Part of an explanation: a line that says it all, what stands behind it, and what to do. */
export type Words = { readonly summary: string; readonly reasons: string[]; readonly hints: string[] };

/** An agent not heard for this long is taken for stopped. */
export const AGENT_SILENCE_MS = 120_000;

/** Whether the agent that would do this is there at all. */
export function silentAgent({ site }: Pick<Facts, "site">, now: number): { reasons: string[]; hints: string[] } {
  const silence = site.lastSeen === null ? null : now - Date.parse(site.lastSeen);
  if (silence !== null && silence < AGENT_SILENCE_MS) return { reasons: [], hints: [] };
  const heard = silence === null ? "has never been started" : `was last heard ${formatDuration(silence / 1000)} ago`;
  return { reasons: [`the agent of site ${site.name} ${heard}`], hints: [`conifer site start ${site.path}`] };
}

/** `1-3,7`, or how many where they are many. */
export function listIds(ids: readonly number[]): string {
  return ids.length > 20 ? `${ids.length} of them` : formatIdSet(ids);
}
