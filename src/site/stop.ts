import { hostname } from "node:os";
import { resolve } from "node:path";
import { ConiferError } from "../model/errors.ts";
import { writeJsonFile } from "../platform/files/json-file.ts";
import { allGone, signal } from "../platform/processes/marked.ts";
import { LocalScheduler } from "../platform/schedulers/local/local-scheduler.ts";
import { findAgent, isHere } from "./agent/lock.ts";
import { readSiteIdentity } from "./directory/identity.ts";
import { siteLayout } from "./directory/layout.ts";
import { readSettings } from "./settings/read-settings.ts";

/** An agent that only stops takes a few seconds at most. */
const STOP_MS = 20_000;

/**
 * Stops the agent, and with `pilots` its allocations too; false where no agent ran. Allocations are ended also where no
 * agent runs; the next agent then tells the server. Throws CONFLICT where the agent runs on another host.
 */
export async function stopSite(options: { readonly directory: string; readonly pilots?: boolean }): Promise<boolean> {
  const directory = resolve(options.directory);
  const layout = siteLayout(directory);
  await readSiteIdentity(directory);
  const pilots = options.pilots === true;
  const agent = await findAgent(layout);
  if (agent === null) {
    if (pilots) await endAllocations(directory);
    return false;
  }
  if (!isHere(agent)) {
    const problem = `it runs on ${agent.host} (process ${agent.pid}), and this is ${hostname()}`;
    throw new ConiferError("CONFLICT", { what: `The agent of ${directory}`, problem });
  }
  await writeJsonFile(layout.stopOrder, { pilots });
  signal(agent.pid, "SIGTERM");
  const graceMs = pilots ? (await graceSec(directory)) * 2000 + 30_000 : 0;
  if (await allGone([agent], STOP_MS + graceMs)) return true;
  signal(agent.pid, "SIGKILL");
  await allGone([agent], 5000);
  if (pilots) await endAllocations(directory);
  return true;
}

/** Ends what the local scheduler runs, without an agent. */
async function endAllocations(directory: string): Promise<void> {
  const grace = await graceSec(directory);
  await using scheduler = await LocalScheduler.open({
    directory: siteLayout(directory).localScheduler,
    maxRunning: 0,
    graceSec: grace + 10,
  });
  const ids = scheduler.active().map(({ id }) => id);
  await scheduler.cancel(ids);
  const until = performance.now() + grace * 2000 + 30_000;
  while (scheduler.active().length > 0 && performance.now() < until) {
    await scheduler.status([]);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function graceSec(directory: string): Promise<number> {
  const settings = await readSettings(siteLayout(directory).settings).catch(() => null);
  return settings?.pilot.graceSec ?? 10;
}
