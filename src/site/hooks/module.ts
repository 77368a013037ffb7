import { setTimeout as delay } from "node:timers/promises";
import type { HookTask } from "../../client/wire/sessions.ts";
import { FunctionWorkers } from "../../pilot/worker/pool.ts";
import { programPath } from "../../platform/programs.ts";
import type { AgentContext } from "../agent/context.ts";
import { type AgentModule, repeat, type Say } from "../agent/module.ts";
import type { AppCatalog } from "../apps/catalog.ts";
import { commit, type Decided } from "./commit.ts";
import { runHookTask } from "./run-hook.ts";

/** Hooks held at once, at least and for each worker: taken and committed by the dozen, they cost the server a tenth. */
const LEAST_HELD = 64;
const HELD_BY_WORKER = 16;
/** A request for hooks waits so long at the server when there are none. */
const WAIT_SEC = 30;
/** Decisions are collected this long before they are committed together. */
const COLLECT_MS = 20;
/** Hooks that run when the agent stops may finish within this time. */
const STOP_MS = 3000;

/**
 * Runs the hooks of the site's jobs, a few at once. Taken hooks are leased by the server; a new agent takes over at once
 * what an old one held, and after an answer that was lost what was in it, because a site has one agent. Several loops
 * share a run: one takes, the others each run one hook after the other, one commits; when any fails all end.
 */
export function hooksModule(context: AgentContext, catalog: AppCatalog): AgentModule {
  return {
    name: "hooks",
    run: async (signal, say) => {
      await using run = new HookRun(context, catalog);
      await run.untilAborted(signal, say);
    },
  };
}

class HookRun implements AsyncDisposable {
  readonly #context: AgentContext;
  readonly #catalog: AppCatalog;
  readonly #workers = new FunctionWorkers({ program: programPath("functionWorker") });
  readonly #ending = new AbortController();
  readonly #taken: HookTask[] = [];
  readonly #decided: Decided[] = [];
  readonly #running = new Set<HookTask>();
  #isFirst = true;
  /** Until when a request whose answer was lost may still take hooks at the server, by the monotonic clock. */
  #doubtUntil = -1;
  #isStopping = false;
  #fault: unknown = null;

  constructor(context: AgentContext, catalog: AppCatalog) {
    this.#context = context;
    this.#catalog = catalog;
  }

  async untilAborted(signal: AbortSignal, say: Say): Promise<void> {
    const ending = this.#ending.signal;
    const stop = () => void this.#stop();
    if (signal.aborted) return;
    signal.addEventListener("abort", stop, { once: true });
    const taking = AbortSignal.any([signal, ending]);
    const often = (isDue: () => boolean) => () => (isDue() ? 0 : 3600);
    const loops = [
      repeat(() => this.#take(taking, say), {
        signal: taking,
        say,
        bell: this.#context.bells.hooks,
        everySec: often(() => this.#isLow()),
      }),
      repeat(() => this.#commit(), {
        signal: ending,
        say,
        bell: this.#context.bells.hookCommits,
        everySec: often(() => this.#decided.length > 0),
      }),
    ];
    await Promise.all(loops.map((loop) => loop.catch((error: unknown) => this.#fail(error))));
    signal.removeEventListener("abort", stop);
    if (this.#fault !== null) throw this.#fault;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#workers[Symbol.asyncDispose]();
  }

  #fail(error: unknown): void {
    this.#fault ??= error;
    this.#ending.abort();
  }

  /** What runs may come to its end and be committed; then all is over. */
  async #stop(): Promise<void> {
    this.#isStopping = true;
    const until = performance.now() + STOP_MS;
    const isBusy = () => this.#running.size > 0 || this.#decided.length > 0;
    while (isBusy() && performance.now() < until && !this.#ending.signal.aborted) await delay(20);
    this.#ending.abort();
  }

  get #most(): number {
    return Math.min(1000, Math.max(LEAST_HELD, this.#context.settings.hooks.workers * HELD_BY_WORKER));
  }

  #held(): number {
    return this.#taken.length + this.#running.size + this.#decided.length;
  }

  #holding(): { job: number; attempt: number; hook: HookTask["hook"] }[] {
    const decided = this.#decided.map(({ task }) => task);
    return [...this.#taken, ...this.#running, ...decided].map(({ job, hook }) => ({
      job: job.id,
      attempt: job.attempt,
      hook,
    }));
  }

  /** Whether it is time to take more: half of what may be held is. */
  #isLow(): boolean {
    return this.#held() <= this.#most / 2;
  }

  async #take(signal: AbortSignal, say: Say): Promise<void> {
    if (!this.#isLow()) return;
    const max = this.#most - this.#held();
    const { client, identity, settings } = this.#context;
    const askedAt = performance.now();
    const waitSec = this.#isFirst ? 0 : WAIT_SEC;
    const rounds = Math.ceil(this.#most / settings.hooks.workers) + 2;
    const leaseSec = Math.min(86_400, rounds * settings.hooks.limitSec + 60);
    const takeOver = this.#isFirst || this.#doubtUntil >= 0;
    const call = client.call("hooksAcquire", {
      params: { id: identity.siteId },
      body: { max, leaseSec, waitSec, takeOver, holding: this.#holding() },
      signal,
      timeoutSec: WAIT_SEC + 30,
      // A request that is sent again must say anew what is held.
      retry: false,
    });
    const { tasks } = await call.catch((error: unknown) => {
      this.#doubtUntil = performance.now() + (WAIT_SEC + 30) * 1000;
      throw error;
    });
    this.#isFirst = false;
    if (askedAt > this.#doubtUntil) this.#doubtUntil = -1;
    this.#taken.push(...tasks);
    this.#start();
    say("running", `${this.#running.size} hooks run, ${this.#taken.length} wait`);
    // A server that does not wait is not asked without pause.
    const isEarly = tasks.length === 0 && performance.now() - askedAt < waitSec * 500;
    if (isEarly) await delay(1000, undefined, { signal }).catch(() => undefined);
  }

  /** Starts as many of the taken hooks as may run at once. */
  #start(): void {
    while (this.#running.size < this.#context.settings.hooks.workers && !this.#isStopping) {
      const task = this.#taken.shift();
      if (task === undefined) return;
      this.#running.add(task);
      void this.#run(task).catch((error: unknown) => this.#fail(error));
    }
  }

  async #run(task: HookTask): Promise<void> {
    const runner = {
      context: this.#context,
      catalog: this.#catalog,
      workers: this.#workers,
      signal: this.#ending.signal,
    };
    try {
      const decided = await runHookTask(task, runner);
      if (decided !== null) this.#decided.push(decided);
    } finally {
      this.#running.delete(task);
    }
    this.#start();
    this.#context.bells.hookCommits.ring();
    this.#context.bells.hooks.ring();
  }

  async #commit(): Promise<void> {
    if (this.#decided.length === 0) return;
    await delay(COLLECT_MS);
    const now = this.#decided.slice(0, 1000);
    const { client, identity, log } = this.#context;
    const onRefused = ({ job, hook }: HookTask, why: string) =>
      log.warn({ job: job.id, hook, why }, "a hook's decision was refused");
    await commit(now, { client, siteId: identity.siteId, onRefused });
    this.#decided.splice(0, now.length);
    this.#context.bells.hooks.ring();
  }
}
