import type { App } from "../../client/wire/entities.ts";
import type { Cli } from "../cli.ts";
import { formatAgo } from "../terminal/times.ts";

/** `conifer app ls` */
export async function listApps(cli: Cli, options: { site?: string }): Promise<void> {
  const conifer = await cli.conifer();
  const here = options.site === undefined || options.site === "this" ? (await cli.here())?.name : options.site;
  const apps = await conifer.apps.list(here === undefined || here === "all" ? {} : { site: here });
  cli.terminal.rows<App>(apps, {
    columns: [
      { title: "ID", value: (app) => app.id, align: "right" },
      { title: "NAME", value: (app) => app.name, least: 6 },
      { title: "SITE", value: (app) => app.site, least: 5, drop: 1 },
      { title: "PARAMETERS", value: (app) => parameterList(app) || null, least: 8, drop: 3 },
      { title: "UPDATED", value: (app) => formatAgo(app.updated), drop: 4 },
      { title: "DESCRIPTION", value: (app) => app.description || null, least: 8, drop: 2 },
    ],
    empty: "no apps; put files into a site's apps/ and run conifer app sync",
  });
}

/** Names of its parameters, those with a default in brackets. */
function parameterList(app: App): string {
  const names = Object.entries(app.parameters);
  return names.map(([name, parameter]) => (parameter.default === undefined ? name : `[${name}]`)).join(" ");
}
