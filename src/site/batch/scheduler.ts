/** The scheduler that a site's settings name. */
import { isAbsolute, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { BatchScheduler } from "../../platform/schedulers/batch/batch-scheduler.ts";
import { batchSettings } from "../../platform/schedulers/batch/settings.ts";
import {
  type BatchKind,
  type BatchSchedulerOptions,
  openBatchScheduler,
  openScheduler,
} from "../../platform/schedulers/open-scheduler.ts";
import type { Scheduler } from "../../platform/schedulers/scheduler.ts";
import type { AgentLog } from "../agent/log.ts";
import type { SiteLayout } from "../directory/layout.ts";
import type { Settings } from "../settings/schema.ts";

/** A local allocation that is given up gets this much more than its pilot's grace, seconds. */
const EXTRA_GRACE_SEC = 10;

export type SiteSchedulerParts = {
  readonly layout: SiteLayout;
  /** The site's own, by which its jobs are told from all others. */
  readonly mark: string;
  readonly log: AgentLog;
  /** An allocation of the local scheduler began or ended. */
  readonly onChange: () => void;
};

/** Opens the scheduler of a site; throws BAD_INPUT where its settings make no sense. */
export async function openSiteScheduler(
  settings: Pick<Settings, "scheduler" | "pilot">,
  { layout, mark, log, onChange }: SiteSchedulerParts,
): Promise<Scheduler> {
  const { scheduler, pilot } = settings;
  return openScheduler(scheduler.kind, {
    local: {
      directory: layout.localScheduler,
      maxRunning: scheduler.maxRunning,
      graceSec: pilot.graceSec + EXTRA_GRACE_SEC,
      onChange,
    },
    batch: batchOptions(settings, { layout, owner: `conifer-${mark}`, log }),
  });
}

export type SiteBatchParts = {
  readonly layout: SiteLayout;
  /** Its jobs are told from all others by this. */
  readonly owner: string;
  readonly log: AgentLog | null;
};

/** The scheduler of a site on a cluster. */
export function openSiteBatchScheduler(
  settings: Pick<Settings, "scheduler">,
  { kind, ...parts }: SiteBatchParts & { readonly kind: BatchKind },
): BatchScheduler {
  return openBatchScheduler(kind, batchOptions(settings, parts));
}

function batchOptions(
  { scheduler }: Pick<Settings, "scheduler">,
  { layout, owner, log }: SiteBatchParts,
): BatchSchedulerOptions {
  const { template } = scheduler;
  return {
    owner,
    directory: layout.schedulerLogs,
    settings: {
      ...batchSettings.strip().parse(scheduler),
      template: template === null || isAbsolute(template) ? template : join(layout.directory, template),
    },
    onCommand: (trace) => log?.debug({ trace }, "asked the scheduler"),
    onTrouble: (problem) => log?.warn({ problem }, "the scheduler"),
  };
}

/** Gives up all allocations of a scheduler and waits until they have ended, or the time is over; a batch scheduler ends them in its own time. */
export async function endAllocations(
  scheduler: Scheduler,
  { withinSec, onBegin }: { readonly withinSec: number; readonly onBegin?: (allocations: number) => void },
): Promise<void> {
  const ids = (await scheduler.own()).map(({ id }) => id);
  onBegin?.(ids.length);
  await scheduler.cancel(ids);
  const until = performance.now() + withinSec * 1000;
  const isOpen = async () => [...(await scheduler.status(ids)).values()].some(({ state }) => state !== "ended");
  while (ids.length > 0 && performance.now() < until && (await isOpen())) await delay(50);
}
