import type { Client } from "../../client/client.ts";
import type { HookOutcome, HookTask } from "../../client/wire/sessions.ts";
import { isConiferError, messageOf } from "../../model/errors.ts";
import { isOutage } from "../agent/module.ts";
import { failedOutcome } from "./outcome.ts";

/** A hook that has ended and what it decided. */
export type Decided = { readonly task: HookTask; readonly outcome: HookOutcome };

export type CommitOptions = {
  readonly client: Pick<Client, "call">;
  readonly siteId: number;
  /** Called for each decision the server did not take. */
  readonly onRefused: (task: HookTask, why: string) => void;
};

/**
 * Commits what hooks decided. A decision that the server refuses (a job it asks for is wrong, say) fails the hook with
 * the server's reason; where that is refused too the job has moved on, and nothing is left to do. Throws only where
 * the server is away: then nothing or all of it is committed, and a repeat changes nothing.
 */
export async function commit(decided: readonly Decided[], options: CommitOptions): Promise<void> {
  if (decided.length === 0) return;
  const { client, siteId, onRefused } = options;
  let rejected: readonly { job: number; why: string }[];
  try {
    const body = { outcomes: decided.map(({ outcome }) => outcome) };
    ({ rejected } = await client.call("hooksComplete", { params: { id: siteId }, body, retry: true }));
  } catch (error) {
    if (!isConiferError(error) || isOutage(error)) throw error;
    if (decided.length > 1) {
      for (const one of decided) await commit([one], options);
      return;
    }
    rejected = decided.map(({ task }) => ({ job: task.job.id, why: messageOf(error) }));
  }
  for (const { job, why } of rejected) {
    const refused = decided.find(({ task }) => task.job.id === job);
    if (refused === undefined) continue;
    onRefused(refused.task, why);
    if (!isFallback(refused)) await commit([toFallback(refused.task, why)], options);
  }
}

function toFallback(task: HookTask, why: string): Decided {
  return { task, outcome: failedOutcome(task, `what it decided was refused: ${why}`) };
}

/** A failure carries nothing that could be wrong with it. */
function isFallback({ outcome }: Decided): boolean {
  return (outcome.state === "FAILED" || outcome.state === null) && (outcome.reason ?? "").includes(" failed: ");
}
