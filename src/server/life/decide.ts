import { DEFAULT_RETRY_POLICY, type FailureKind, type RetryPolicy } from "../../model/attempts.ts";
import { settle } from "../../model/life.ts";
import { type Actor, isFinal, isRunnable, type JobState, mayMove } from "../../model/states.ts";
import type { LifeRow } from "./rows.ts";

/** What somebody asks of one job. */
export type Step = {
  readonly id: number;
  /** States to go through, in order; those that follow by themselves are added. */
  readonly path: readonly JobState[];
  readonly actor: Actor;
  /** When the last of them was reached, milliseconds since 1970. */
  readonly at: number;
  /** The attempt that begins with this step. */
  readonly attempt?: number | undefined;
  /** When that attempt began. */
  readonly startedAt?: number | undefined;
  readonly failure?: FailureKind | undefined;
  readonly exitCode?: number | null | undefined;
  /** Why, for people. */
  readonly reason?: string | undefined;
  /** What the event also carries. */
  readonly data?: EventData | undefined;
};

export type EventData = { readonly [name: string]: unknown };

/** A job's step as it will be written; `path` is empty where only the count of its parents changes. */
export type Change = {
  readonly before: LifeRow;
  readonly after: LifeRow;
  readonly path: readonly JobState[];
  readonly at: number;
  readonly reason: string;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly exitCode: number | null;
  readonly data: EventData | null;
};

/** A step that the table of transitions does not have for this actor. */
export type Refusal = { readonly id: number; readonly state: JobState | null; readonly why: string };

export const isChange = (decision: Change | Refusal): decision is Change => "after" in decision;

/** Whether the retry policy will be asked on the way, so that it must be read. */
export function needsPolicy(row: LifeRow, path: readonly JobState[]): boolean {
  return (
    (path.at(-1) === "RUN_ERROR" && !row.stages.onError) || (path.at(-1) === "RUN_TIMEOUT" && !row.stages.onTimeout)
  );
}

/**
 * Where a step leads: the asked states by the table, then those the job passes through by itself. A job whose user
 * wants it dead, and which has not come to an end of its own, goes on to USER_KILLED.
 */
export function decide(row: LifeRow, step: Step, policy: RetryPolicy = DEFAULT_RETRY_POLICY): Change | Refusal {
  let state = row.state;
  for (const next of step.path) {
    if (!mayMove(state, next, step.actor))
      return { id: row.id, state: row.state, why: `${state} does not go to ${next}` };
    state = next;
  }
  const attempt = step.attempt ?? row.attempt;
  const losses = row.losses + (step.failure === "lost" ? 1 : 0);
  const failure = step.failure ?? (step.path.includes("RUNNING") || state === "RUN_DONE" ? null : row.failure);
  const settled = settle(state, { stages: row.stages, waitingFor: row.waitingFor, attempt, losses, failure, policy });
  const path = [...step.path, ...settled.path];
  state = path.at(-1) ?? state;
  if (row.killRequested && state !== "RUNNING" && !isFinal(state)) {
    state = "USER_KILLED";
    path.push(state);
  }
  return {
    before: row,
    after: {
      ...row,
      state,
      attempt,
      losses,
      failure,
      sessionId: state === "RUNNING" ? row.sessionId : null,
      killRequested: row.killRequested && state === "RUNNING",
    },
    path,
    at: step.at,
    reason: reasonOf({ row, state, step, settled: settled.reason }),
    startedAt: step.startedAt ?? null,
    endedAt: state !== "RUNNING" && endsAttempt(row.state, step.path) ? step.at : null,
    exitCode: step.exitCode ?? null,
    data: step.data ?? null,
  };
}

function reasonOf(given: { row: LifeRow; state: JobState; step: Step; settled: string | null }): string {
  if (given.state === "JOB_FINISHED") return "";
  if (given.row.killRequested) return given.row.killReason;
  return [given.step.reason ?? "", given.settled ?? ""].filter((reason) => reason !== "").join("; ");
}

/** An attempt ends when it ran, or when its pilot could not even start it. */
function endsAttempt(from: JobState, path: readonly JobState[]): boolean {
  return from === "RUNNING" || path[0] === "RUNNING" || (isRunnable(from) && path[0] === "RUN_ERROR");
}
