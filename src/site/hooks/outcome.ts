import { type HookOutcome, type HookTask, hookOutcomeSchema } from "../../client/wire/sessions.ts";
import type { HookWork } from "../../pilot/worker/messages.ts";
import type { CallEnd } from "../../pilot/worker/process.ts";

/** How often a hook is run again whose worker process died under it. */
export const MOST_CRASHES = 3;

/**
 * What is committed for a hook that has ended; null = run it again, because its process died and that need not be its
 * doing. A preprocess or postprocess that fails fails its job; after an onError or onTimeout that fails the job's own
 * retry policy decides.
 */
export function toOutcome(task: HookTask, end: CallEnd<HookWork>, crashes: number): HookOutcome | null {
  switch (end.kind) {
    case "returned":
      return checked(task, { ...keyOf(task), ...end.value } as HookOutcome);
    case "threw":
      return failedOutcome(task, end.message);
    case "overran":
      return failedOutcome(task, `it took longer than ${end.limitSec} s`);
    case "crashed":
      return crashes < MOST_CRASHES
        ? null
        : failedOutcome(task, `its worker process died ${crashes} times (${end.how})`);
  }
}

/** What is committed for a hook that failed. */
export function failedOutcome(task: HookTask, problem: string): HookOutcome {
  const isFatal = task.hook === "preprocess" || task.hook === "postprocess";
  const reason = `${task.hook} of app ${task.job.app} failed: ${problem}`.slice(0, 8000);
  return { ...keyOf(task), state: isFatal ? "FAILED" : null, reason };
}

/** What a hook decided is checked before it is sent, so that one bad decision does not hold back those of others. */
function checked(task: HookTask, outcome: HookOutcome): HookOutcome {
  const read = hookOutcomeSchema.safeParse(outcome);
  if (read.success) return outcome;
  const issue = read.error.issues[0];
  return failedOutcome(task, `${issue?.path.join(".")}: ${issue?.message}`);
}

function keyOf({ job, hook }: HookTask): Pick<HookOutcome, "job" | "attempt" | "hook"> {
  return { job: job.id, attempt: job.attempt, hook };
}
