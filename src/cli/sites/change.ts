import { resolve } from "node:path";
import { ConiferError } from "../../model/errors.ts";
import { moveSite, readSiteIdentity, removeSite } from "../../site/index.ts";
import type { Cli } from "../cli.ts";
import { confirm } from "../terminal/confirm.ts";
import { siteDirectory } from "./which.ts";

/** `conifer site mv` */
export async function moveOrRename(cli: Cli, options: { name?: string }, named: string, to?: string): Promise<void> {
  if (to === undefined && options.name === undefined)
    throw new ConiferError("BAD_INPUT", { where: "site mv", problem: "name a directory, or a new name with --name" });
  const { client } = await cli.conifer();
  const directory = await siteDirectory(cli, named);
  const moved = await moveSite({
    directory,
    client,
    ...(to === undefined ? {} : { to: resolve(cli.cwd, to) }),
    ...(options.name === undefined ? {} : { name: options.name }),
  });
  cli.terminal.answer(moved, () => `site ${moved.name} is in ${moved.directory}\n`);
}

/** `conifer site rm` */
export async function dropSite(cli: Cli, options: { files?: boolean; yes?: boolean }, named: string): Promise<void> {
  const { client } = await cli.conifer();
  const directory = await siteDirectory(cli, named);
  const { name, siteId } = await readSiteIdentity(directory);
  const { total } = await client.call("jobCounts", { query: { where: [`site=${name}`] } });
  const files = options.files ? ` and all of ${directory}` : "";
  await confirm(cli.terminal, `Remove site ${name} with its ${total} jobs${files}?`, options.yes === true);
  await removeSite({ directory, client, files: options.files === true });
  cli.terminal.answer({ siteId, name, directory }, () => `removed site ${name}\n`);
}
