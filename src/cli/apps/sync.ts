import { syncApps } from "../../site/index.ts";
import type { Cli } from "../cli.ts";
import { siteDirectory } from "../sites/which.ts";

/** `conifer app sync` */
export async function syncSite(cli: Cli, options: { site?: string; prune?: boolean }): Promise<void> {
  const { client } = await cli.conifer();
  const directory = await siteDirectory(cli, options.site);
  const synced = await syncApps({ directory, client, prune: options.prune === true });
  const { created, updated, removed, names } = synced;
  cli.terminal.answer(synced, () => {
    const same = names.length - created - updated;
    const parts = [
      `${created} new`,
      `${updated} changed`,
      `${same} as before`,
      ...(removed > 0 ? [`${removed} removed`] : []),
    ];
    return `${names.length} apps: ${parts.join(", ")}${names.length > 0 ? ` (${names.join(", ")})` : ""}\n`;
  });
}
