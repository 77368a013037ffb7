import type { HookTask } from "../../client/wire/sessions.ts";
import type { Question } from "../../pilot/worker/messages.ts";
import type { FunctionWorkers } from "../../pilot/worker/pool.ts";
import type { AgentContext } from "../agent/context.ts";
import type { AppCatalog } from "../apps/catalog.ts";
import type { Decided } from "./commit.ts";
import { findChildren, findParents, toHookJob } from "./hook-job.ts";
import { failedOutcome, toOutcome } from "./outcome.ts";

export type HookRunner = {
  readonly context: AgentContext;
  readonly catalog: AppCatalog;
  readonly workers: FunctionWorkers;
  readonly signal: AbortSignal;
};

/** Runs one hook to its end, again where its process dies; null where the agent stops in the middle of it. */
export async function runHookTask(task: HookTask, runner: HookRunner): Promise<Decided | null> {
  const { context, catalog, workers, signal } = runner;
  const code = await catalog.hookCode(task.job.app);
  if ("problem" in code) return { task, outcome: failedOutcome(task, code.problem) };
  const place = { siteId: context.identity.siteId, data: context.layout.data };
  const answer = async (question: Question) => {
    const find = question === "parents" ? findParents : findChildren;
    return (await find(task.job, context.client)).map((job) => toHookJob(job, place));
  };
  const { hook, failure } = task;
  const work = { kind: "hook", ...code, hook, job: toHookJob(task.job, place), failure } as const;
  for (let crashes = 1; ; crashes += 1) {
    const end = await workers.call(work, { limitSec: context.settings.hooks.limitSec, answer });
    if (end.kind === "crashed" && signal.aborted) return null;
    if (end.kind !== "returned")
      context.log.warn({ job: task.job.id, hook, end: { ...end, stack: undefined } }, "hook");
    const outcome = toOutcome(task, end, crashes);
    if (outcome !== null) return { task, outcome };
  }
}
