import { hostname } from "node:os";
import { resolve } from "node:path";
import { pino } from "pino";
import { ConiferError } from "../model/errors.ts";
import { writeJsonFile } from "../platform/files/json-file.ts";
import { allGone, signal } from "../platform/processes/marked.ts";
import { findAgent, isHere } from "./agent/lock.ts";
import { endAllocations, openSiteScheduler } from "./batch/scheduler.ts";
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
    if (pilots) await endWithoutAgent(directory);
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
  if (pilots) await endWithoutAgent(directory);
  return true;
}

/** Ends the site's allocations without an agent. */
async function endWithoutAgent(directory: string): Promise<void> {
  const layout = siteLayout(directory);
  const settings = await readSettings(layout.settings);
  const { mark } = await readSiteIdentity(directory);
  // None that waits is to start now.
  const idle = { ...settings, scheduler: { ...settings.scheduler, maxRunning: 0 } };
  await using scheduler = await openSiteScheduler(idle, {
    layout,
    mark,
    log: pino({ enabled: false }),
    onChange: () => undefined,
  });
  await endAllocations(scheduler, { withinSec: settings.pilot.graceSec * 2 + 30 });
}

async function graceSec(directory: string): Promise<number> {
  const settings = await readSettings(siteLayout(directory).settings).catch(() => null);
  return settings?.pilot.graceSec ?? 10;
}
