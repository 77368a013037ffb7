import { DEFAULT_RETRY_POLICY } from "../../model/attempts.ts";
import { settle } from "../../model/life.ts";
import { isFinal, type JobState } from "../../model/states.ts";
import type { Change } from "./decide.ts";
import type { LifeRow } from "./rows.ts";

export type DependencyCondition = "ok" | "any" | "failed";

/** A parent as a child looks at it; its state is null where it was deleted, which counts as failed. */
export type Parent = { readonly id: number; readonly state: JobState | null };

/** What a parent means for a child: the condition holds, may hold yet, or never will. */
export function verdictOf(condition: DependencyCondition, state: JobState | null): "met" | "waiting" | "never" {
  if (state !== null && !isFinal(state)) return "waiting";
  if (condition === "any") return "met";
  return (condition === "ok") === (state === "JOB_FINISHED") ? "met" : "never";
}

/** Why a child can never run. */
export function blockedBy(parent: Parent, condition: DependencyCondition): string {
  const ended = parent.state === null ? "was deleted" : `ended ${parent.state}`;
  return `parent ${parent.id} ${ended}; this job needs it to ${condition === "ok" ? "finish" : "fail"}`;
}

/** What a child learns of its parents: how many conditions came to hold, and why it can never run, where that is so. */
export type ParentNews = { readonly met: number; readonly blocked: string | null };

/** What becomes of a child: it fails, is released, goes on waiting, or (having left already) only keeps its count. */
export function decideChild(row: LifeRow, news: ParentNews, at: number): Change {
  const waitingFor = Math.max(0, row.waitingFor - news.met);
  const path = row.state === "AWAITING_PARENTS" ? pathOf({ ...row, waitingFor }, news.blocked) : [];
  return {
    before: row,
    after: { ...row, waitingFor, state: path.at(-1) ?? row.state },
    path,
    at,
    reason: path[0] === "FAILED" ? (news.blocked ?? "") : "",
    startedAt: null,
    endedAt: null,
    exitCode: null,
    data: null,
  };
}

function pathOf(row: LifeRow, blocked: string | null): JobState[] {
  if (blocked !== null) return ["FAILED"];
  return settle(row.state, { ...row, policy: DEFAULT_RETRY_POLICY }).path;
}
