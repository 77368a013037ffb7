import type { BatchState } from "../../client/wire/entities.ts";

/** The ends of a batch job. */
export const FINAL_BATCH_STATES = [
  "finished",
  "failed",
  "cancelled",
  "submit_failed",
] as const satisfies readonly BatchState[];

/** Where the agent's word may take a batch job; what the scheduler says of one that is being deleted is kept back until its end. */
const AGENT_MOVES: Record<BatchState, readonly BatchState[]> = {
  pending_submission: ["queued", "running", "finished", "failed", "cancelled", "submit_failed"],
  queued: ["running", "finished", "failed", "cancelled"],
  // Put back into the queue after a node failed or something more urgent came.
  running: ["queued", "finished", "failed", "cancelled"],
  pending_deletion: ["finished", "failed", "cancelled"],
  finished: [],
  failed: [],
  cancelled: [],
  submit_failed: [],
};

export const isFinalBatchState = (state: BatchState): boolean =>
  (FINAL_BATCH_STATES as readonly BatchState[]).includes(state);

/**
 * The state after the agent's word; the old one where the word does not count. A batch job that was cancelled while the
 * agent was just submitting it is in the scheduler all the same: it must be deleted there.
 */
export function afterAgentWord(state: BatchState, word: BatchState | undefined): BatchState {
  if (word === undefined) return state;
  if (state === "cancelled" && (word === "queued" || word === "running")) return "pending_deletion";
  return AGENT_MOVES[state].includes(word) ? word : state;
}

/** The state after a user's cancel: at once where nothing was submitted, through the agent otherwise. */
export function afterCancel(state: BatchState): BatchState {
  if (state === "pending_submission") return "cancelled";
  return state === "queued" || state === "running" ? "pending_deletion" : state;
}
