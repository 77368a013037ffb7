import { setTimeout as delay } from "node:timers/promises";
import type { AgentContext } from "../agent/context.ts";
import { type AgentModule, repeat } from "../agent/module.ts";
import { cleanJobs, type Recent } from "./clean-jobs.ts";

/** Jobs that finish are collected for a while before a round; without events there is one now and then. */
const COLLECT_MS = 5000;
const LONGEST_SEC = 300;

/** Removes from workdirs of finished jobs what their apps name in `cleanup`. */
export function cleanModule(context: AgentContext): AgentModule {
  return {
    name: "clean",
    async run(signal, say) {
      const recent: Recent = new Set();
      const total = { cleaned: 0, removed: 0 };
      const step = async () => {
        const { cleaned, removed, postponed } = await cleanJobs(context, recent);
        total.cleaned += cleaned;
        total.removed += removed;
        const waits = postponed === 0 ? "" : `, ${postponed} wait for their children`;
        say("running", `${total.cleaned} jobs cleaned, ${total.removed} files removed${waits}`);
        await delay(COLLECT_MS, undefined, { signal }).catch(() => undefined);
      };
      await repeat(step, { signal, say, bell: context.bells.clean, everySec: () => LONGEST_SEC });
    },
  };
}
