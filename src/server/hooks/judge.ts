import type { z } from "zod";
import type { hookOutcomeSchema } from "../../client/wire/sessions.ts";
import { DEFAULT_RETRY_POLICY, decideRetry, type RetryPolicy } from "../../model/attempts.ts";
import type { LifeRow, Step } from "../life/index.ts";
import { hookOf } from "./acquire.ts";

export type Outcome = z.output<typeof hookOutcomeSchema>;

/** Whether the job waits for exactly this hook of this attempt. */
export function isAwaited(row: LifeRow | undefined, outcome: Outcome): row is LifeRow {
  return row !== undefined && row.attempt === outcome.attempt && hookOf(row.state) === outcome.hook;
}

/** Where a hook's outcome moves its job; without a word from the hook, where its stage leads by default. */
export function stepOf(
  row: LifeRow,
  outcome: Outcome,
  { policy, now }: { policy: RetryPolicy | undefined; now: number },
): Step {
  const base = { id: row.id, at: now, data: { hook: outcome.hook } };
  if (outcome.state !== null) return { ...base, actor: "hook", path: [outcome.state], reason: outcome.reason };
  switch (outcome.hook) {
    case "preprocess":
      return { ...base, actor: "hook", path: ["PREPROCESSED"], reason: outcome.reason };
    case "postprocess":
      return { ...base, actor: "hook", path: ["POSTPROCESSED"], reason: outcome.reason };
    case "onError":
    case "onTimeout": {
      const kind = row.failure ?? (outcome.hook === "onError" ? "error" : "timeout");
      const { state, reason } = decideRetry(kind, row, policy ?? DEFAULT_RETRY_POLICY);
      return {
        ...base,
        actor: "server",
        path: [state],
        reason: outcome.reason === "" ? reason : `${outcome.reason}; ${reason}`,
      };
    }
  }
}

/** Why an outcome changes nothing. */
export function whyRejected(row: LifeRow | undefined, { attempt, hook }: Outcome): string {
  if (!row) return "there is no such job at this site";
  if (row.attempt !== attempt) return `attempt ${row.attempt} is the present one`;
  return `it is ${row.state}, which does not wait for ${hook}`;
}
