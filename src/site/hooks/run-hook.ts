import { setTimeout as delay } from "node:timers/promises";
import type { HookTask } from "../../client/wire/sessions.ts";
import type { Question } from "../../pilot/worker/messages.ts";
import type { FunctionWorkers } from "../../pilot/worker/pool.ts";
import type { AgentContext } from "../agent/context.ts";
import { isOutage } from "../agent/module.ts";
import type { AppCatalog } from "../apps/catalog.ts";
import type { Decided } from "./commit.ts";
import { findChildren, findParents, toHookJob } from "./hook-job.ts";
import { failedOutcome, toOutcome } from "./outcome.ts";

export type HookRunner = {
  readonly context: AgentContext;
  readonly catalog: AppCatalog;
  readonly workers: Pick<FunctionWorkers, "call">;
  readonly signal: AbortSignal;
};

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;

/**
 * Runs one hook to its end, again where its process dies or where its time ran out while it waited for an answer of a
 * server that is away; null where the agent stops in the middle of it.
 */
export async function runHookTask(task: HookTask, runner: HookRunner): Promise<Decided | null> {
  const { context, catalog, workers, signal } = runner;
  const code = await catalog.hookCode(task.job.app);
  if ("problem" in code) return { task, outcome: failedOutcome(task, code.problem) };
  const place = { siteId: context.identity.siteId, data: context.layout.data };
  const find = async (question: Question) => {
    const found = await (question === "parents" ? findParents : findChildren)(task.job, context.client);
    return found.map((job) => toHookJob(job, place));
  };
  const { hook, failure } = task;
  const work = { kind: "hook", ...code, hook, job: toHookJob(task.job, place), failure } as const;
  for (let crashes = 0; ; ) {
    using waiting = new Waiting(signal);
    const answer = (question: Question) => waiting.untilAnswered(() => find(question));
    const end = await workers.call(work, { limitSec: context.settings.hooks.limitSec, answer });
    if (end.kind === "crashed" && signal.aborted) return null;
    if (end.kind !== "returned")
      context.log.warn({ job: task.job.id, hook, end: { ...end, stack: undefined } }, "hook");
    if (waiting.isOutage && end.kind === "overran") {
      if (signal.aborted) return null;
      continue;
    }
    if (end.kind === "crashed") crashes += 1;
    const outcome = toOutcome(task, end, crashes);
    if (outcome !== null) return { task, outcome };
  }
}

/** A question that has waited so long for its answer has met an outage, whatever comes of it. */
const LONG_MS = 1000;

/** The questions of one run of a hook: one that meets an outage is asked again until it is answered or the run is over. */
class Waiting implements Disposable {
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  /** When those without an answer count as held up, by the monotonic clock. */
  readonly #open = new Map<object, number>();

  constructor(signal: AbortSignal) {
    this.#signal = AbortSignal.any([signal, this.#over.signal]);
  }

  /** Whether a question waits for the end of an outage. */
  get isOutage(): boolean {
    return [...this.#open.values()].some((from) => from <= performance.now());
  }

  async untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
    const question = {};
    this.#open.set(question, performance.now() + LONG_MS);
    try {
      for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
        try {
          return await ask();
        } catch (error) {
          if (!isOutage(error)) throw error;
        }
        this.#open.set(question, 0);
        await delay(waitMs * (0.5 + Math.random()), undefined, { signal: this.#signal });
      }
    } finally {
      if (!this.#over.signal.aborted) this.#open.delete(question);
    }
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }
}
