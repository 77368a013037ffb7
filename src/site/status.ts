import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { z } from "zod";
import { readJsonFile } from "../platform/files/json-file.ts";
import { loadAllocations } from "../platform/schedulers/local/allocation-file.ts";
import type { SiteReport } from "./agent/heartbeat.ts";
import { type AgentIdentity, findAgent, isHere } from "./agent/lock.ts";
import { readSiteIdentity, type SiteIdentity } from "./directory/identity.ts";
import { type SiteLayout, siteLayout } from "./directory/layout.ts";

export type SiteStatus = SiteIdentity & {
  readonly directory: string;
  /** null = no agent runs. */
  readonly agent: AgentIdentity | null;
  /** False where the agent runs on another host, so that only what it wrote down is known. */
  readonly agentIsHere: boolean;
  /** What the agent told last, and when (ISO time); null = never, or it was stopped. */
  readonly report: (SiteReport & { readonly at: string }) | null;
  /** Allocations of the local scheduler that are queued or running. */
  readonly pilots: readonly {
    readonly batchJobId: number;
    readonly state: "queued" | "running";
    readonly pid: number | null;
  }[];
};

const moduleSchema = z.object({
  name: z.string(),
  state: z.enum(["running", "waiting", "restarting", "off"]),
  text: z.string(),
  restarts: z.int(),
  lastFault: z.string().nullable(),
  since: z.string(),
});
const limitsSchema = z.object({
  minNodes: z.number().nullable(),
  maxNodes: z.number().nullable(),
  maxWallTimeMin: z.number().nullable(),
});
const reportSchema = z.object({
  at: z.string(),
  version: z.string(),
  modules: z.array(moduleSchema),
  batch: z.object({ queued: z.int(), running: z.int(), paused: z.string().nullable() }),
  elastic: z.object({ why: z.string(), at: z.string() }).nullable(),
  problems: z.array(z.string()),
  limits: limitsSchema,
  queues: z.array(limitsSchema.extend({ name: z.string() })),
});

/** What a site is doing, as seen from its directory; needs no server. Throws NO_SITE_HERE. */
export async function siteStatus(options: { readonly directory: string }): Promise<SiteStatus> {
  const directory = resolve(options.directory);
  const layout = siteLayout(directory);
  const identity = await readSiteIdentity(directory);
  const agent = await findAgent(layout);
  const report = await readJsonFile(layout.report, reportSchema).catch(() => null);
  return {
    ...identity,
    directory,
    agent,
    agentIsHere: agent === null || isHere(agent),
    report: agent === null ? null : report,
    pilots: await openAllocations(layout),
  };
}

/** Allocations of the local scheduler that wait or run, by its files. */
export async function openAllocations(layout: SiteLayout): Promise<SiteStatus["pilots"]> {
  const isThere = await readdir(layout.localScheduler).then(
    () => true,
    () => false,
  );
  const allocations = isThere ? await loadAllocations(layout.localScheduler) : [];
  return allocations.flatMap(({ key, state, leader }) =>
    state === "ended" ? [] : [{ batchJobId: Number(key), state, pid: leader?.pid ?? null }],
  );
}
