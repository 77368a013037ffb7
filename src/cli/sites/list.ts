import type { Site } from "../../client/wire/entities.ts";
import type { Cli } from "../cli.ts";
import { isSilent } from "../hints/sites.ts";
import { formatAgo } from "../terminal/times.ts";

/** `conifer site ls` */
export async function listSites(cli: Cli): Promise<void> {
  const sites = await (await cli.conifer()).sites.list();
  cli.terminal.rows<Site>(sites, {
    columns: [
      { title: "ID", value: (site) => site.id, align: "right" },
      { title: "NAME", value: (site) => site.name, least: 8 },
      {
        title: "AGENT",
        value: (site) => (isSilent(site) ? "down" : "up"),
        style: (site) => (isSilent(site) ? "red" : "green"),
      },
      { title: "HEARD", value: (site) => formatAgo(site.lastSeen), drop: 2 },
      { title: "HOST", value: (site) => site.hostname || null, least: 6, drop: 1 },
      { title: "DIRECTORY", value: (site) => site.path, least: 10, drop: 3 },
    ],
    empty: "no sites; make one with conifer site init DIRECTORY",
  });
}
