import { readSiteIdentity, startSite, stopSite } from "../../site/index.ts";
import type { Cli } from "../cli.ts";
import { siteDirectory } from "./which.ts";

/** `conifer site start` */
export async function startAgent(cli: Cli, _options: object, named?: string): Promise<void> {
  const directory = await siteDirectory(cli, named);
  const { name } = await readSiteIdentity(directory);
  const { agent, alreadyRunning } = await startSite({ directory });
  const said = alreadyRunning ? "runs already" : "started";
  cli.terminal.answer(
    { site: name, agent, alreadyRunning },
    () => `agent of site ${name} ${said} (process ${agent.pid})\n`,
  );
}

/** `conifer site stop` */
export async function stopAgent(cli: Cli, options: { pilots?: boolean }, named?: string): Promise<void> {
  const directory = await siteDirectory(cli, named);
  const { name } = await readSiteIdentity(directory);
  const stopped = await stopSite({ directory, pilots: options.pilots === true });
  cli.terminal.answer({ site: name, stopped }, () => `agent of site ${name} ${stopped ? "stopped" : "did not run"}\n`);
}

/** `conifer site restart` */
export async function restartAgent(cli: Cli, _options: object, named?: string): Promise<void> {
  const directory = await siteDirectory(cli, named);
  await stopSite({ directory });
  await startAgent(cli, {}, directory);
}
