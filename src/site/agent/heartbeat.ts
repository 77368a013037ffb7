import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { ConiferError } from "../../model/errors.ts";
import { writeJsonFile } from "../../platform/files/json-file.ts";
import type { AgentContext, QueueLimits } from "./context.ts";
import { type AgentIdentity, holdsAgentLock } from "./lock.ts";
import { type AgentModule, repeat } from "./module.ts";
import type { ModuleReport } from "./supervise.ts";

/** What an agent tells of itself, in run/report.json and to the server. */
export type SiteReport = {
  readonly version: string;
  readonly modules: readonly ModuleReport[];
  readonly batch: { readonly queued: number; readonly running: number; readonly paused: string | null };
  /** The last decision of the elastic queue and why; null where it is off. */
  readonly elastic: { readonly why: string; readonly at: string } | null;
  readonly problems: readonly string[];
  /** What the scheduler gives where no queue is named; the server refuses batch jobs beyond it. */
  readonly limits: QueueLimits;
  /** What its queues give; the server refuses others. */
  readonly queues: readonly (QueueLimits & { readonly name: string })[];
};

export type HeartbeatOptions = {
  readonly agent: AgentIdentity;
  readonly report: () => SiteReport;
  /** Called when another agent has taken this one's place. */
  readonly onReplaced: () => void;
  /** Called whenever the server was told. */
  readonly onTold: () => void;
};

const EVERY_SEC = 30;
/** Changes of the report are collected for a moment, longer where one was told just before. */
const COLLECT_MS = 300;
const GAP_MS = 3000;

/** Says that the agent lives and how it fares: to its directory always, to the server when that answers. */
export function heartbeatModule(
  context: AgentContext,
  { agent, report, onReplaced, onTold }: HeartbeatOptions,
): AgentModule {
  return {
    name: "heartbeat",
    async run(signal, say) {
      const { client, identity, layout, bells } = context;
      let toldAt: number | null = null;
      const step = async () => {
        const waitMs = toldAt === null ? 0 : Math.max(COLLECT_MS, toldAt + GAP_MS - performance.now());
        await delay(waitMs, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return;
        toldAt = performance.now();
        if (!(await holdsAgentLock(layout, agent))) {
          onReplaced();
          throw new ConiferError("CONFLICT", { what: layout.agent, problem: "another agent serves this site now" });
        }
        const told = report();
        await writeJsonFile(layout.report, { ...told, at: new Date().toISOString() }, { mode: 0o644 });
        await client.call("siteHeartbeat", {
          params: { id: identity.siteId },
          body: { report: JSON.parse(JSON.stringify(told)), hostname: hostname() },
          retry: false,
        });
        onTold();
        say("running", "");
      };
      await repeat(step, { signal, say, bell: bells.heartbeat, everySec: () => EVERY_SEC });
    },
  };
}
