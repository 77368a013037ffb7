/**
 * How an attempt can end badly, and what follows.
 *
 * An attempt counts once it was RUNNING. `lost` (its pilot or node died) is not the job's doing: it counts apart,
 * against its own limit, so that a job that kills its node stops all the same.
 */
export const FAILURE_KINDS = ["error", "limit", "output", "timeout", "lost"] as const;
/** error: non-zero exit or a signal; limit: over its own wall-time limit; output: a promised file is missing; timeout: its allocation ended; lost: its pilot or node died. */
export type FailureKind = (typeof FAILURE_KINDS)[number];

export type RetryPolicy = {
  /** Attempts in all, losses not counted. Default 3. */
  readonly maxAttempts: number;
  /** Which failures are tried again. Default ["timeout"]; all of them where a job sets maxAttempts itself. */
  readonly retryOn: readonly FailureKind[];
  /** Pilots or nodes that may die under the job before it fails. Default 3. */
  readonly maxLosses: number;
};

export const DEFAULT_RETRY_POLICY: RetryPolicy = { maxAttempts: 3, retryOn: ["timeout"], maxLosses: 3 };
/** What retryOn becomes where a user asks for attempts without saying for which failures. */
export const RETRY_ON_ALL: readonly FailureKind[] = ["error", "limit", "output", "timeout"];

export type RetryDecision = { readonly state: "RESTART_READY" | "FAILED"; readonly reason: string };

/**
 * Whether a job runs again after a failure. `attempt` is the number of the attempt that failed (the first is 1),
 * `losses` how many attempts were lost so far, this one included where its kind is `lost`.
 */
export function decideRetry(
  kind: FailureKind,
  history: { attempt: number; losses: number },
  policy: RetryPolicy,
): RetryDecision {
  if (kind === "lost") {
    return history.losses > policy.maxLosses
      ? { state: "FAILED", reason: `its pilot or node died ${history.losses} times (at most ${policy.maxLosses})` }
      : {
          state: "RESTART_READY",
          reason: `its pilot or node died (${history.losses} of at most ${policy.maxLosses} times)`,
        };
  }
  const counted = history.attempt - history.losses;
  if (!policy.retryOn.includes(kind)) return { state: "FAILED", reason: `${kind} is not retried` };
  return counted >= policy.maxAttempts
    ? { state: "FAILED", reason: `attempt ${counted} of ${policy.maxAttempts} ended with ${kind}` }
    : { state: "RESTART_READY", reason: `${kind} in attempt ${counted} of ${policy.maxAttempts}` };
}
