import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { format } from "node:util";
import type { HookContext, HookJob } from "../../app/define.ts";
import { ConiferError } from "../../model/errors.ts";
import { loadModule } from "./load-module.ts";
import type { HookDecision, HookWork, Question } from "./messages.ts";
import { sendOutputTo } from "./output.ts";

/** How a hook learns more than it was given. */
export type Ask = (question: Question) => Promise<unknown>;

/**
 * Runs one hook in this process, its working directory the workdir and its output, that of the programs it starts
 * included, appended to hooks.log there. Collects what it decides; throws what it throws.
 */
export async function runHook(work: HookWork, ask: Ask): Promise<HookDecision> {
  mkdirSync(work.job.directory, { recursive: true });
  process.chdir(work.job.directory);
  sendOutputTo(join(work.job.directory, "hooks.log"));
  console.log(`${new Date().toISOString()} ${work.hook} of job ${work.job.id}, attempt ${work.job.attempt}`);
  try {
    const app = (await loadModule(work.module))[work.exportName];
    const hook = hookOf(app, work.hook);
    if (hook === null)
      throw new ConiferError("HOOK_FAILED", { hook: work.hook, app: work.job.app, problem: "there is no such hook" });
    const { context, decision } = makeContext(work, ask);
    await hook(context);
    return decision;
  } catch (error) {
    console.error(error);
    throw error;
  }
}

function hookOf(app: unknown, name: string): ((context: HookContext) => unknown) | null {
  if (typeof app !== "object" || app === null || !("hooks" in app)) return null;
  const hooks: unknown = app.hooks;
  const hook: unknown = typeof hooks === "object" && hooks !== null ? Reflect.get(hooks, name) : undefined;
  return typeof hook === "function" ? (context) => Reflect.apply(hook, app, [context]) : null;
}

function makeContext(work: HookWork, ask: Ask): { context: HookContext; decision: HookDecision } {
  type Mutable = { -readonly [K in keyof HookDecision]: HookDecision[K] };
  const decision: Mutable = { state: null, reason: "", data: {}, tags: {}, parameters: {}, create: [], kill: [] };
  const context: HookContext = {
    job: work.job,
    failure: work.failure,
    directory: work.job.directory,
    parents: async () => (await ask("parents")) as HookJob[],
    children: async () => (await ask("children")) as HookJob[],
    setState(state, reason = "") {
      decision.state = state;
      decision.reason = reason;
    },
    setData: (entries) => void Object.assign(decision.data, plain(entries)),
    setTags: (tags) => void Object.assign(decision.tags, plain(tags)),
    setParameters: (parameters) => void Object.assign(decision.parameters, plain(parameters)),
    createJobs: (...jobs) => void decision.create.push(...jobs.map(plain)),
    killJobs: (...ids) => void decision.kill.push(...ids),
    log: (...words) => console.log(`${new Date().toISOString()} ${format(...words)}`),
  };
  return { context, decision };
}

/** A copy as JSON has it, so that what cannot be stored fails at the author's line and later changes do not count. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}
