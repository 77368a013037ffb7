import { randomUUID } from "node:crypto";
import { link, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { z } from "zod";
import { ConiferError } from "../../model/errors.ts";
import { readJsonFile, writeJsonFile } from "../../platform/files/json-file.ts";
import { isRunning, ownIdentity } from "../../platform/processes/identity.ts";
import type { SiteLayout } from "../directory/layout.ts";

const agentSchema = z.object({
  pid: z.int(),
  host: z.string(),
  bootId: z.string(),
  startTicks: z.string(),
  startedAt: z.string(),
});

/** Which process serves a site: by pid, start time and boot it is told from any other that has its number. */
export type AgentIdentity = z.output<typeof agentSchema>;

/** An agent on another host that has written its report within this time is taken for alive. */
const SILENT_MS = 120_000;

/** The agent that serves a site now; null = none. One on another host counts as long as it writes its report. */
export async function findAgent(layout: SiteLayout, now = Date.now()): Promise<AgentIdentity | null> {
  const holder = await readJsonFile(layout.agent, agentSchema).catch(() => null);
  return holder !== null && (await isAlive(holder, layout, now)) ? holder : null;
}

/**
 * Makes this process the one agent of a site, for good until `release`. Throws ALREADY_RUNNING where another lives; the
 * mark of a dead one is taken away. The mark is made by linking a finished file, so that of two processes that
 * try at once one wins, on a shared file system too.
 */
export async function takeAgentLock(layout: SiteLayout): Promise<AgentIdentity> {
  const { pid, bootId, startTicks } = ownIdentity();
  const own: AgentIdentity = { pid, bootId, startTicks, host: hostname(), startedAt: new Date().toISOString() };
  const fresh = `${layout.agent}.${randomUUID()}`;
  await writeJsonFile(fresh, own);
  try {
    for (let tries = 0; tries < 5; tries += 1) {
      if (await linked(fresh, layout.agent)) return own;
      const holder = await readJsonFile(layout.agent, agentSchema).catch(() => null);
      if (holder !== null && (await isAlive(holder, layout, Date.now()))) throw alreadyRunning(layout, holder);
      await takeAway(layout, holder);
    }
    throw new ConiferError("CONFLICT", { what: layout.agent, problem: "several agents start at once" });
  } finally {
    await rm(fresh, { force: true });
  }
}

/** Whether this process still is the site's agent. */
export async function holdsAgentLock(layout: SiteLayout, own: AgentIdentity): Promise<boolean> {
  const holder = await readJsonFile(layout.agent, agentSchema).catch(() => null);
  return holder !== null && isSame(holder, own);
}

export async function releaseAgentLock(layout: SiteLayout, own: AgentIdentity): Promise<void> {
  if (await holdsAgentLock(layout, own)) await rm(layout.agent, { force: true });
}

/** Whether it runs on this machine, as opposed to being known only by what it wrote. */
export function isHere(agent: AgentIdentity): boolean {
  return agent.host === hostname();
}

async function isAlive(agent: AgentIdentity, layout: SiteLayout, now: number): Promise<boolean> {
  if (isHere(agent)) return isRunning(agent);
  const report = await readJsonFile(layout.report, z.object({ at: z.string() })).catch(() => null);
  return report !== null && now - Date.parse(report.at) < SILENT_MS;
}

/** Removes a dead agent's mark, unless somebody took its place in the meantime: then that one's is put back. */
async function takeAway(layout: SiteLayout, dead: AgentIdentity | null): Promise<void> {
  const aside = `${layout.agent}.${randomUUID()}`;
  const moved = await rename(layout.agent, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  const got = await readJsonFile(aside, agentSchema).catch(() => null);
  if (got !== null && (dead === null || !isSame(got, dead))) await linked(aside, layout.agent);
  await rm(aside, { force: true });
}

function isSame(one: AgentIdentity, other: AgentIdentity): boolean {
  return (
    one.pid === other.pid &&
    one.startTicks === other.startTicks &&
    one.bootId === other.bootId &&
    one.host === other.host
  );
}

async function linked(from: string, to: string): Promise<boolean> {
  return link(from, to).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "EEXIST") return false;
      throw error;
    },
  );
}

function alreadyRunning(layout: SiteLayout, { pid, host }: AgentIdentity): ConiferError {
  return new ConiferError("ALREADY_RUNNING", { what: `The agent of ${layout.directory}`, pid, host });
}
