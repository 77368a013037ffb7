import type { Conifer } from "../../client/connect.ts";
import type { BatchJob, Site } from "../../client/wire/entities.ts";
import { isFinal, JOB_STATES, type JobState } from "../../model/states.ts";
import { batchJobColumns, OPEN_BATCH_STATES } from "../batch/columns.ts";
import type { Cli } from "../cli.ts";
import { siteObstacles } from "../hints/sites.ts";
import { siteFilter } from "../select/selection.ts";
import { stateStyle } from "../terminal/colour.ts";
import { formatTable } from "../terminal/table.ts";
import { clean } from "../terminal/text.ts";
import { formatAgo } from "../terminal/times.ts";

/** Waiting jobs of one state, and what the oldest of them waits for. */
type Waiting = {
  readonly state: JobState;
  readonly count: number;
  readonly example: number;
  readonly summary: string;
  readonly hints: readonly string[];
};
type Overview = {
  readonly server: { readonly address: string; readonly version: string; readonly engine: string };
  readonly jobsByState: readonly { readonly state: JobState; readonly count: number }[];
  readonly waiting: readonly Waiting[];
  readonly sites: readonly (Site & { readonly obstacles: readonly string[] })[];
  readonly batchJobs: readonly BatchJob[];
};

/** `conifer status` */
export async function showStatus(cli: Cli, options: { site?: string }): Promise<void> {
  const overview = await lookAround(cli, await cli.conifer(), options.site);
  cli.terminal.answer(overview, (seen) => formatOverview(cli, seen));
}

async function lookAround(cli: Cli, conifer: Conifer, named: string | undefined): Promise<Overview> {
  const where = await siteFilter(cli, named);
  const [status, counts, sites, batchJobs] = await Promise.all([
    conifer.status(),
    conifer.jobs.filter(...where).counts("state"),
    conifer.sites.list(),
    conifer.batchJobs.list({ where: [`state=${OPEN_BATCH_STATES.join(",")}`, ...where], limit: 20 }),
  ]);
  const jobsByState = JOB_STATES.flatMap((state) => {
    const count = counts.get(state) ?? 0;
    return count > 0 ? [{ state, count }] : [];
  });
  const stuck = jobsByState.filter(({ state }) => !isFinal(state) && state !== "RUNNING");
  const waiting = await Promise.all(stuck.map((one) => explainOldest(conifer, one, where)));
  const here = where.length === 0 ? null : named === undefined || named === "this" ? (await cli.here())?.name : named;
  const shown = sites.filter((site) => here === null || here === undefined || here.split(",").includes(site.name));
  return {
    server: { address: conifer.client.address, version: status.version, engine: status.engine },
    jobsByState,
    waiting: waiting.filter((one) => one !== null),
    sites: await Promise.all(shown.map(async (site) => ({ ...site, obstacles: await siteObstacles(conifer, site) }))),
    batchJobs: [...batchJobs].reverse(),
  };
}

async function explainOldest(
  conifer: Conifer,
  { state, count }: { state: JobState; count: number },
  where: readonly string[],
): Promise<Waiting | null> {
  const oldest = await conifer.jobs.filter({ state }, ...where).first();
  if (oldest === null) return null;
  const { summary, hints } = await oldest.explain();
  return { state, count, example: oldest.id, summary, hints };
}

function formatOverview(cli: Cli, { server, jobsByState, waiting, sites, batchJobs }: Overview): string {
  const { paint, width } = cli.terminal;
  const title = (text: string) => `${paint("bold", text)}\n`;
  const jobs = jobsByState.map(
    ({ state, count }) => `  ${String(count).padStart(8)}  ${paint(stateStyle(state), state)}\n`,
  );
  const reasons = waiting.map(({ state, count, example, summary, hints }) => {
    const hint = hints[0] === undefined ? "" : `\n            ${paint("yellow", "hint:")} ${clean(hints[0])}`;
    return `  ${String(count).padStart(8)}  ${paint(stateStyle(state), state)}: job ${example} ${clean(summary)}${hint}\n`;
  });
  const places = sites.map((site) => {
    const lines = site.obstacles.map((obstacle) => `    ${paint("yellow", "hint:")} ${clean(obstacle)}\n`);
    return `  ${clean(site.name)}  heard ${formatAgo(site.lastSeen)}  ${paint("dim", clean(site.path))}\n${lines.join("")}`;
  });
  const narrow = width === null ? null : width - 2;
  const table = formatTable(batchJobColumns, batchJobs, { width: narrow, paint }).replace(/^(?=.)/gm, "  ");
  return [
    `${paint("dim", `server ${server.address} (${server.version}, ${server.engine})`)}\n`,
    title("Jobs") + (jobs.join("") || "  none\n"),
    reasons.length === 0 ? "" : title("Waiting, and for what") + reasons.join(""),
    title("Sites") + (places.join("") || "  none; make one with conifer site init DIRECTORY\n"),
    title("Batch jobs") + (batchJobs.length === 0 ? "  none open\n" : table),
  ]
    .filter((part) => part !== "")
    .join("\n");
}
