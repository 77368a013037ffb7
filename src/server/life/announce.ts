import { isRunnable, type JobState } from "../../model/states.ts";
import type { Changes } from "../http/context.ts";
import type { Change } from "./decide.ts";

/** The most ids one announcement names. */
const MOST_IDS = 1_000;

/** Tells streams and pilots what moved; call it after the commit, once. */
export function announce(changes: Changes, moved: readonly Change[], now: number): void {
  const bySite = new Map<number, { states: Partial<Record<JobState, number[]>>; count: number; runnable: boolean }>();
  for (const { after, path } of moved) {
    if (path.length === 0) continue;
    const site = bySite.get(after.siteId) ?? { states: {}, count: 0, runnable: false };
    bySite.set(after.siteId, site);
    site.count += 1;
    site.runnable ||= isRunnable(after.state);
    if (site.count > MOST_IDS) continue;
    const ids = site.states[after.state] ?? [];
    ids.push(after.id);
    site.states[after.state] = ids;
  }
  for (const [siteId, { states, count, runnable }] of bySite) {
    changes.publish({ kind: "jobs", siteId, states, truncated: count > MOST_IDS, at: new Date(now).toISOString() });
    if (runnable) changes.wake(siteId);
  }
}
