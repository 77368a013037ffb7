import { isRunnable, type JobState } from "../../model/states.ts";
import type { Changes } from "../http/context.ts";
import type { CreatedJobs } from "./create/index.ts";

/** The most ids one announcement names. */
const MOST_IDS = 1_000;

/** Tells streams and pilots of new jobs; to be called after the commit. */
export function publishCreated(changes: Changes, { states }: CreatedJobs, now: number): void {
  for (const [siteId, byState] of states) {
    let room = MOST_IDS;
    let count = 0;
    const named: Partial<Record<JobState, number[]>> = {};
    for (const [state, ids] of byState) {
      if (room > 0) named[state] = ids.slice(0, room);
      room -= ids.length;
      count += ids.length;
    }
    changes.publish({
      kind: "jobs",
      siteId,
      states: named,
      truncated: count > MOST_IDS,
      at: new Date(now).toISOString(),
    });
    if ([...byState.keys()].some(isRunnable)) changes.wake(siteId);
  }
}
