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

export type AgentBells = { readonly [name in "batch" | "elastic" | "clean" | "heartbeat"]: Bell };

export function makeBells(): AgentBells {
  return { batch: new Bell(), elastic: new Bell(), clean: new Bell(), heartbeat: new Bell() };
}

/** What modules tell of their work, for the site's report. */
export type Notices = {
  batch: { queued: number; running: number; paused: string | null };
  elastic: { why: string; at: string } | null;
  limits: { maxNodes: number | null; maxWallTimeMin: number | null };
  /** App files that do not read. */
  apps: readonly string[];
};

export function makeNotices(): Notices {
  return {
    batch: { queued: 0, running: 0, paused: null },
    elastic: null,
    limits: { maxNodes: null, maxWallTimeMin: null },
    apps: [],
  };
}
