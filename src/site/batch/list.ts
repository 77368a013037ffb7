import type { Client } from "../../client/client.ts";
import type { BatchJob } from "../../client/wire/entities.ts";

type Caller = Pick<Client, "call">;

const OPEN = "state=pending_submission,queued,running,pending_deletion";

/** The batch jobs of a site that have not ended. The site is asked for its name first: it may have been renamed. */
export async function listOpenBatchJobs(client: Caller, siteId: number): Promise<BatchJob[]> {
  const { name } = await client.call("siteGet", { params: { id: siteId } });
  const items: BatchJob[] = [];
  for (let after: string | undefined; ; ) {
    const query = { where: [`site=${name}`, OPEN], limit: 1000, ...(after === undefined ? {} : { after }) };
    const page = await client.call("batchJobList", { query });
    items.push(...page.items.filter((batchJob) => batchJob.siteId === siteId));
    if (page.next === null) return items;
    after = page.next;
  }
}

/** The latest batch jobs of a site that have ended, the last first. */
export async function listEndedBatchJobs(client: Caller, siteId: number, most: number): Promise<BatchJob[]> {
  const { name } = await client.call("siteGet", { params: { id: siteId } });
  const where = [`site=${name}`, "state=finished,failed,cancelled,submit_failed"];
  const { items } = await client.call("batchJobList", { query: { where, order: "-id", limit: most } });
  return items.filter((batchJob) => batchJob.siteId === siteId);
}
