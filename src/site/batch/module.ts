import type { Unseen } from "../../allocation/index.ts";
import { isConiferError, messageOf } from "../../model/errors.ts";
import type { Scheduler, SchedulerLimits } from "../../platform/schedulers/scheduler.ts";
import type { AgentContext, Notices, QueueLimits } from "../agent/context.ts";
import { type AgentModule, repeat } from "../agent/module.ts";
import { syncBatchJobs } from "./sync.ts";

/** With no batch job open the server is looked at this often; its events say sooner. */
const IDLE_SEC = 60;

/** Keeps batch jobs and the scheduler in step. */
export function batchModule(context: AgentContext): AgentModule {
  return {
    name: "batch",
    async run(signal, say) {
      const unseen: Unseen = new Map();
      let open = 0;
      const step = async () => {
        try {
          await learnLimits(context);
          const round = await syncBatchJobs(context, unseen);
          open = round.open;
          const { queued, running } = round;
          context.notices.batch = { queued, running, paused: null };
          say("running", `${queued} batch jobs queued, ${running} running`);
        } catch (error) {
          const isSilent = isConiferError(error) && error.code === "SCHEDULER_SILENT";
          if (isSilent) context.notices.batch = { ...context.notices.batch, paused: messageOf(error) };
          throw error;
        }
      };
      const everySec = () => (open > 0 ? context.settings.scheduler.syncSec : IDLE_SEC);
      await repeat(step, { signal, say, bell: context.bells.batch, everySec });
    },
  };
}

/** What an allocation may be, in each queue, as scheduler and settings say it. */
async function learnLimits({
  scheduler,
  notices,
}: {
  readonly scheduler: Pick<Scheduler, "limits" | "queues">;
  readonly notices: Notices;
}): Promise<void> {
  notices.limits = boundsOf(await scheduler.limits());
  // A scheduler that does not tell of its queues still runs jobs.
  const queues = await scheduler.queues().catch(unlessFault);
  notices.queues = await Promise.all(
    queues.map(async ({ name }) => ({ name, ...boundsOf(await scheduler.limits(name)) })),
  );
}

function boundsOf({ minNodes = null, maxNodes, maxWallTimeMin }: SchedulerLimits): QueueLimits {
  return { minNodes, maxNodes, maxWallTimeMin };
}

function unlessFault(error: unknown): readonly never[] {
  if (isConiferError(error)) return [];
  throw error;
}
