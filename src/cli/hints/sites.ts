import type { Conifer } from "../../client/connect.ts";
import type { Site } from "../../client/wire/entities.ts";
import type { Cli } from "../cli.ts";
import { formatAgo } from "../terminal/times.ts";

/** An agent that was not heard for this long is taken for down; it speaks every few seconds. */
const SILENT_MS = 120_000;

/** What keeps work at a site from starting, in words with the command that helps; empty = nothing. */
export async function siteObstacles(conifer: Conifer, site: Site, now = Date.now()): Promise<string[]> {
  const obstacles: string[] = [];
  if (isSilent(site, now)) obstacles.push(silence(site, now));
  const [sessions, batchJobs] = await Promise.all([
    conifer.client.call("sessionList", { query: { site: String(site.id) } }),
    conifer.batchJobs.list({ where: [`site=${site.name}`, "state=pending_submission,queued,running"], limit: 1 }),
  ]);
  const isElastic = typeof site.report.elastic === "object" && site.report.elastic !== null;
  if (sessions.items.length === 0 && batchJobs.length === 0 && !isElastic)
    obstacles.push(
      `site ${site.name} has no batch job, so nothing runs its jobs: conifer batch submit --site ${site.name}`,
    );
  return obstacles;
}

/** Whether a site's agent is down, as far as the server knows. */
export const isSilent = (site: Site, now = Date.now()): boolean =>
  site.lastSeen === null || now - Date.parse(site.lastSeen) > SILENT_MS;

/** Says on stderr why jobs at these sites would not start, for a person who just made or listed some. Hints never fail a command. */
export async function hintAtSites(cli: Cli, siteIds: Iterable<number>): Promise<void> {
  if (cli.terminal.json) return;
  const conifer = await cli.conifer();
  for (const id of siteIds) {
    const obstacles = await conifer.sites
      .get(id)
      .then((site) => siteObstacles(conifer, site))
      .catch(() => []);
    for (const obstacle of obstacles) cli.terminal.note(`${cli.terminal.paintError("yellow", "hint:")} ${obstacle}`);
  }
}

/** Says on stderr that a site's agent is down. */
export function hintAtSilence(cli: Cli, site: Site): void {
  if (isSilent(site)) cli.terminal.note(`${cli.terminal.paintError("yellow", "hint:")} ${silence(site)}`);
}

function silence(site: Site, now = Date.now()): string {
  const heard = site.lastSeen === null ? "was never heard" : `was last heard ${formatAgo(site.lastSeen, now)}`;
  return `the agent of site ${site.name} ${heard}: conifer site start ${site.name}`;
}
