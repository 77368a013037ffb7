import { FINAL_STATES, JOB_STATES, type JobState } from "../../model/states.ts";

/** How far a set of jobs is. */
export type Progress = {
  readonly total: number;
  readonly byState: Readonly<Partial<Record<JobState, number>>>;
  readonly running: number;
  /** JOB_FINISHED. */
  readonly finished: number;
  readonly failed: number;
  readonly killed: number;
  /** finished + failed + killed. */
  readonly ended: number;
};

/** Progress from counts by state, as the server gives them. */
export function toProgress(counts: Iterable<{ readonly key: string; readonly count: number }>): Progress {
  const byState: Partial<Record<JobState, number>> = {};
  let total = 0;
  for (const { key, count } of counts) {
    const state = JOB_STATES.find((known) => known === key);
    if (state === undefined) continue;
    byState[state] = (byState[state] ?? 0) + count;
    total += count;
  }
  const { JOB_FINISHED: finished = 0, FAILED: failed = 0, USER_KILLED: killed = 0, RUNNING: running = 0 } = byState;
  return { total, byState, running, finished, failed, killed, ended: finished + failed + killed };
}

/** The filter that leaves only ended jobs. */
export const ENDED_FILTER = `state=${FINAL_STATES.join(",")}`;
