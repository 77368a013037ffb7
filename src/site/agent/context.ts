import type { Access, Client } from "../../client/client.ts";
import type { Scheduler } from "../../platform/schedulers/scheduler.ts";
import type { SiteIdentity } from "../directory/identity.ts";
import type { SiteLayout } from "../directory/layout.ts";
import type { Settings } from "../settings/schema.ts";
import { Bell } from "./bell.ts";
import type { AgentLog } from "./log.ts";

/** What the agent's modules share. */
export type AgentContext = {
  readonly layout: SiteLayout;
  readonly identity: SiteIdentity;
  readonly settings: Settings;
  readonly client: Pick<Client, "call" | "stream">;
  /** What pilots are given to reach the server. */
  readonly access: () => Access;
  readonly scheduler: Scheduler;
  readonly log: AgentLog;
  readonly bells: AgentBells;
  readonly notices: Notices;
};

const BELLS = ["heartbeat", "apps", "batch", "elastic", "hooks", "hookCommits", "clean"] as const;
/** Wakes modules for what concerns them; all of them when the server is back or a token was renewed. */
export type AgentBells = { readonly [name in (typeof BELLS)[number]]: Bell };

export function makeBells(): AgentBells {
  const bells = BELLS.map((name) => [name, new Bell()] as const);
  return Object.fromEntries(bells) as AgentBells;
}

export function ringAll(bells: AgentBells): void {
  for (const bell of Object.values(bells)) bell.ring();
}

/** Bounds of one allocation; null = none, or not known. */
export type QueueLimits = {
  readonly minNodes: number | null;
  readonly maxNodes: number | null;
  readonly maxWallTimeMin: number | null;
};

/** What modules tell of their work, for the site's report. */
export type Notices = {
  batch: { queued: number; running: number; paused: string | null };
  elastic: { why: string; at: string } | null;
  limits: QueueLimits;
  /** The queues of the scheduler; empty where it has none or does not tell. */
  queues: readonly (QueueLimits & { readonly name: string })[];
  /** App files that do not read. */
  apps: readonly string[];
};

export function makeNotices(): Notices {
  return {
    batch: { queued: 0, running: 0, paused: null },
    elastic: null,
    limits: { minNodes: null, maxNodes: null, maxWallTimeMin: null },
    queues: [],
    apps: [],
  };
}
