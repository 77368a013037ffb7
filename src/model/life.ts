import { decideRetry, type FailureKind, type RetryPolicy } from "./attempts.ts";
import type { JobState } from "./states.ts";

/** Which stages a job has at all; a stage it lacks costs nothing, the job passes through in the same step. */
export type Stages = {
  readonly stageIn: boolean;
  readonly preprocess: boolean;
  readonly postprocess: boolean;
  readonly stageOut: boolean;
  readonly onError: boolean;
  readonly onTimeout: boolean;
};

export type Standing = {
  readonly stages: Stages;
  /** Dependencies not yet met. */
  readonly waitingFor: number;
  readonly attempt: number;
  readonly losses: number;
  readonly policy: RetryPolicy;
  /** How the last attempt failed, where the state is RUN_ERROR or RUN_TIMEOUT. */
  readonly failure: FailureKind | null;
};

/**
 * The states a job passes through by itself after reaching `state`, ending where it must wait for somebody; with the
 * reason where the retry policy decided. The first entry is the state after `state`; empty = it rests there.
 */
export function settle(state: JobState, job: Standing): { path: JobState[]; reason: string | null } {
  const path: JobState[] = [];
  let reason: string | null = null;
  for (let next = step(state, job); next !== null; next = step(next.state, job)) {
    path.push(next.state);
    reason = next.reason ?? reason;
  }
  return { path, reason };
}

function step(state: JobState, job: Standing): { state: JobState; reason?: string } | null {
  switch (state) {
    case "CREATED":
      return { state: job.waitingFor > 0 ? "AWAITING_PARENTS" : "READY" };
    case "AWAITING_PARENTS":
      return job.waitingFor > 0 ? null : { state: "READY" };
    case "READY":
      return job.stages.stageIn ? null : { state: "STAGED_IN" };
    case "STAGED_IN":
      return job.stages.preprocess ? null : { state: "PREPROCESSED" };
    case "RUN_DONE":
      return job.stages.postprocess ? null : { state: "POSTPROCESSED" };
    case "POSTPROCESSED":
      return job.stages.stageOut ? null : { state: "STAGED_OUT" };
    case "STAGED_OUT":
      return { state: "JOB_FINISHED" };
    case "RUN_ERROR":
      return job.stages.onError ? null : decideRetry(job.failure ?? "error", job, job.policy);
    case "RUN_TIMEOUT":
      return job.stages.onTimeout ? null : decideRetry(job.failure ?? "timeout", job, job.policy);
    default:
      return null;
  }
}
