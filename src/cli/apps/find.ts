import type { Conifer } from "../../client/connect.ts";
import type { App } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";

/** The app of that name: at the site named, else at the site somebody is in (if it has it), else at the only site that has it. */
export async function whereFrom(cli: Cli, conifer: Conifer, name: string, site: string | undefined): Promise<App> {
  if (/^\d+$/.test(name)) return conifer.apps.get(Number(name));
  if (site !== undefined && site !== "this") return conifer.apps.get(name, { site });
  const here = await cli.here();
  if (site === "this" && !here) throw new ConiferError("NO_SITE_HERE", { directory: cli.cwd });
  const found = await conifer.apps.list({ name });
  const own = here ? found.find((app) => app.siteId === here.id) : undefined;
  if (own) return own;
  const [first, ...others] = found;
  if (!first) {
    const all = (await conifer.apps.list()).map((app) => app.name);
    throw new ConiferError("NOT_FOUND", { kind: "app", name: closest(name, all), list: "app" });
  }
  if (others.length === 0) return first;
  const sites = found.map((app) => app.site).join(", ");
  throw new ConiferError("BAD_INPUT", {
    where: `app ${name}`,
    problem: `sites ${sites} have it; name one with --site`,
  });
}

/** The name, with the known one that it may have been meant to be. */
function closest(name: string, known: readonly string[]): string {
  const like = known.find((one) => one.toLowerCase().startsWith(name.toLowerCase().slice(0, 3)));
  return like === undefined ? name : `${name} (there is ${like})`;
}
