import { stat } from "node:fs/promises";
import { hostname } from "node:os";
import { resolve } from "node:path";
import type { Site } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";
import { findHere } from "../here.ts";

/** The directory of a site named by its directory or name; without a name, the one somebody is in. Throws NO_SITE_HERE, NOT_FOUND. */
export async function siteDirectory(cli: Cli, named: string | undefined): Promise<string> {
  if (named === undefined || named === "this") {
    const here = await cli.here();
    if (here) return here.directory;
    throw new ConiferError("NO_SITE_HERE", { directory: cli.cwd });
  }
  const path = resolve(cli.cwd, named);
  if (await isDirectory(path)) {
    const found = await findHere(path);
    if (found && found.directory === path) return path;
    if (named.includes("/") || named === ".") throw new ConiferError("NO_SITE_HERE", { directory: path });
  } else if (named.includes("/")) throw new ConiferError("NO_SITE_HERE", { directory: path });
  const site = await (await cli.conifer()).sites.get(/^\d+$/.test(named) ? Number(named) : named);
  if (await isDirectory(site.path)) return site.path;
  const where = site.hostname === "" || site.hostname === hostname() ? "" : ` on ${site.hostname}`;
  throw new ConiferError("NO_SITE_HERE", { directory: `${site.path}${where}` });
}

/** The site named, the one somebody is in, or the only one there is. */
export async function siteOrOnly(cli: Cli, named: string | undefined): Promise<Site> {
  const { sites } = await cli.conifer();
  if (named !== undefined && named !== "this") return sites.get(/^\d+$/.test(named) ? Number(named) : named);
  const here = await cli.here();
  if (here) return sites.get(here.id);
  const [only, ...others] = named === undefined ? await sites.list() : [];
  if (only && others.length === 0) return only;
  if (!only) throw new ConiferError("NO_SITE_HERE", { directory: cli.cwd });
  const names = [only, ...others].map((site) => site.name).join(", ");
  throw new ConiferError("BAD_INPUT", { where: "--site", problem: `there are sites ${names}; name one` });
}

const isDirectory = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
