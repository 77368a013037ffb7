/**
 * Cleaning: finished jobs of apps with `cleanup` lose the files it names. Found by their time of change, with an overlap
 * because transactions become visible out of order; a file that is gone already costs nothing. A job whose
 * children take files from its workdir and have not all ended is looked at again later.
 */
import type { App, Job } from "../../client/wire/entities.ts";
import { messageOf } from "../../model/errors.ts";
import { FINAL_STATES, JOB_STATES } from "../../model/states.ts";
import type { AgentContext } from "../agent/context.ts";
import { type Progress, readProgress, writeProgress } from "./progress.ts";
import { removeFiles } from "./remove-files.ts";

const PAGE = 500;
const OVERLAP_MS = 120_000;

/** Jobs cleaned within the overlap, so that they are not cleaned again: `<id>.<attempt>`. */
export type Recent = Set<string>;

export type CleanRound = { readonly cleaned: number; readonly removed: number; readonly postponed: number };

/** One round over everything that has finished since the last. Throws what the server's absence throws; progress is kept by page. */
export async function cleanJobs(context: AgentContext, recent: Recent): Promise<CleanRound> {
  const { client, identity, layout } = context;
  const { items: apps } = await client.call("appList", { query: { site: String(identity.siteId) } });
  const cleanup = new Map(apps.filter((app) => app.cleanup.length > 0).map((app) => [app.id, app]));
  if (cleanup.size === 0) return { cleaned: 0, removed: 0, postponed: 0 };
  let progress = await readProgress(layout);
  const round = { cleaned: 0, removed: 0 };
  const postponed = new Set(progress.postponed);
  for await (const { jobs, asked } of finishedJobs(context, [...cleanup.values()], progress)) {
    for (const id of asked) postponed.delete(id);
    const fresh = jobs.filter((job) => !recent.has(keyOf(job)));
    const needed = await neededByChildren(context, fresh);
    for (const job of fresh) {
      if (needed.has(job.id)) {
        postponed.add(job.id);
        continue;
      }
      round.removed += await clean(context, job, cleanup.get(job.appId));
      round.cleaned += 1;
      recent.add(keyOf(job));
    }
    const times = [progress.until, ...jobs.map(({ updated }) => updated)].map((time) => Date.parse(time));
    progress = { until: new Date(Math.max(...times)).toISOString(), postponed: [...postponed] };
    await writeProgress(layout, progress);
  }
  if (recent.size > 200_000) recent.clear();
  return { ...round, postponed: postponed.size };
}

/** Finished jobs, and the postponed ids they were asked by. */
type Found = { readonly jobs: readonly Job[]; readonly asked: readonly number[] };

/** Pages of finished jobs: those postponed before, then those that changed since. */
async function* finishedJobs(context: AgentContext, apps: readonly App[], progress: Progress): AsyncGenerator<Found> {
  const { client, identity } = context;
  const ours = (jobs: readonly Job[]) => jobs.filter(({ siteId }) => siteId === identity.siteId);
  for (let at = 0; at < progress.postponed.length; at += PAGE) {
    const asked = progress.postponed.slice(at, at + PAGE);
    const where = [`id=${asked.join(",")}`, "state=JOB_FINISHED"];
    yield { asked, jobs: ours((await client.call("jobList", { query: { where, limit: PAGE } })).items) };
  }
  const since = new Date(Math.max(0, Date.parse(progress.until) - OVERLAP_MS)).toISOString();
  const names = [...new Set(apps.map(({ name }) => JSON.stringify(name)))].join(",");
  const where = [`app=${names}`, "state=JOB_FINISHED", `updated>=${since}`];
  for (let after: string | undefined; ; ) {
    const query = { where, order: "updated,id", limit: PAGE, ...(after === undefined ? {} : { after }) };
    const page = await client.call("jobList", { query });
    yield { asked: [], jobs: ours(page.items) };
    if (page.next === null) return;
    after = page.next;
  }
}

/** Which of these jobs have children that take files from them and have not ended. */
async function neededByChildren({ client }: AgentContext, jobs: readonly Job[]): Promise<Set<number>> {
  const needed = new Set<number>();
  if (jobs.length === 0) return needed;
  const open = JOB_STATES.filter((state) => !(FINAL_STATES as readonly string[]).includes(state));
  const where = [`parent=${jobs.map(({ id }) => id).join(",")}`, `state=${open.join(",")}`];
  for (let after: string | undefined; ; ) {
    const query = { where, limit: PAGE, ...(after === undefined ? {} : { after }) };
    const page = await client.call("jobList", { query });
    for (const child of page.items) for (const { from } of child.inputs) needed.add(from);
    if (page.next === null) return needed;
    after = page.next;
  }
}

async function clean({ layout, log }: AgentContext, job: Job, app: App | undefined): Promise<number> {
  if (app === undefined) return 0;
  try {
    return await removeFiles(layout.data, job.workdir, app.cleanup);
  } catch (error) {
    log.warn({ job: job.id, problem: messageOf(error) }, "a workdir could not be cleaned");
    return 0;
  }
}

function keyOf({ id, attempt }: Job): string {
  return `${id}.${attempt}`;
}
