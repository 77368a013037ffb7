import { join } from "node:path";
import type { HookJob } from "../../app/define.ts";
import type { Client } from "../../client/client.ts";
import type { Job } from "../../client/wire/entities.ts";

type Place = { readonly siteId: number /** The site's data directory. */; readonly data: string };

/** A job as a hook sees it; a job of another site has no directory here. */
export function toHookJob(job: Job, { siteId, data }: Place): HookJob {
  const { id, name, app, site, workflow, state, attempt, losses, tags, exitCode, reason } = job;
  const directory = job.siteId === siteId ? join(data, job.workdir) : "";
  const { parameters = {}, data: entries = {} } = job;
  return {
    id,
    name,
    app,
    site,
    workflow,
    state,
    attempt,
    losses,
    tags,
    exitCode,
    reason,
    directory,
    parameters,
    data: entries,
  };
}

const PAGE = 1000;

/** The parents of a job, in the order they were named in. */
export async function findParents(job: Job, client: Pick<Client, "call">): Promise<Job[]> {
  const ids = job.parents.map((parent) => parent.job);
  const found = new Map<number, Job>();
  for (let at = 0; at < ids.length; at += PAGE) {
    const where = [`id=${ids.slice(at, at + PAGE).join(",")}`];
    const { items } = await client.call("jobList", { query: { where, limit: PAGE } });
    for (const parent of items) found.set(parent.id, parent);
  }
  return ids.map((id) => found.get(id)).filter((parent) => parent !== undefined);
}

/** The children of a job, by id. */
export async function findChildren(job: Job, client: Pick<Client, "call">): Promise<Job[]> {
  const children: Job[] = [];
  for (let after: string | undefined; ; ) {
    const query = { where: [`parent=${job.id}`], limit: PAGE, ...(after === undefined ? {} : { after }) };
    const page = await client.call("jobList", { query });
    children.push(...page.items);
    if (page.next === null) return children;
    after = page.next;
  }
}
