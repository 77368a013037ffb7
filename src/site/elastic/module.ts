import { decide } from "../../allocation/index.ts";
import type { AgentContext } from "../agent/context.ts";
import { type AgentModule, repeat } from "../agent/module.ts";
import { listEndedBatchJobs, listOpenBatchJobs } from "../batch/list.ts";
import { failedStarts, toElasticAllocations, toElasticLimits } from "./look.ts";
import { nodeCapacity } from "./node-capacity.ts";

/** Asked at most so often however many events come, and at least so often without any. */
const SHORTEST_MS = 1000;
const LONGEST_SEC = 60;

/** Asks for allocations as the runnable jobs need them, under the site's policy. */
export function elasticModule(context: AgentContext): AgentModule {
  return {
    name: "elastic",
    async run(signal, say) {
      const { client, settings, identity, bells, log, notices } = context;
      const node = nodeCapacity(settings);
      const { queue, project, options } = settings.elastic;
      let emptySince: number | null = null;
      let lastAt = 0;
      const step = async () => {
        const now = Date.now();
        const tags = JSON.stringify(settings.elastic.filterTags);
        const demand = await client.call("siteDemand", { params: { id: identity.siteId }, query: { tags } });
        const open = await listOpenBatchJobs(client, identity.siteId);
        const ended = await listEndedBatchJobs(client, identity.siteId, 50);
        emptySince = demand.shapes.length > 0 || demand.running.jobs > 0 ? null : (emptySince ?? now);
        const { submit, cancel, why } = decide({
          demand,
          allocations: toElasticAllocations(open),
          policy: settings.elastic,
          limits: toElasticLimits(await limitsOf(context), node, settings),
          history: { ...failedStarts(ended, open, now), emptySince },
          now,
        });
        if (why !== notices.elastic?.why) log.info({ submit, cancel, why }, "elastic");
        notices.elastic = { why, at: new Date(now).toISOString() };
        say("running", why);
        for (const allocation of submit)
          await client.call("batchJobCreate", {
            body: { site: identity.siteId, origin: "elastic", queue, project, options, ...allocation },
          });
        for (const id of cancel)
          await client.call("batchJobCancel", {
            params: { id },
            body: { reason: "the elastic queue needs it no more" },
          });
        if (submit.length + cancel.length > 0) bells.batch.ring();
      };
      const paced = async () => {
        const waitMs = lastAt + SHORTEST_MS - performance.now();
        if (waitMs > 0 && lastAt > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
        lastAt = performance.now();
        if (!signal.aborted) await step();
      };
      await repeat(paced, { signal, say, bell: bells.elastic, everySec: () => LONGEST_SEC });
    },
  };
}

/** Limits of the policy's queue, and its idle nodes where only these count. */
async function limitsOf({ scheduler, settings: { elastic, ...settings } }: AgentContext) {
  const name = elastic.queue === "" ? settings.scheduler.queue : elastic.queue;
  const limits = await scheduler.limits(name);
  if (!elastic.backfill) return { ...limits, idleNodes: null };
  const queues = await scheduler.queues();
  const queue = queues.find((one) => (name === "" ? one.isDefault : one.name === name));
  return { ...limits, idleNodes: queue?.idleNodes ?? null };
}
