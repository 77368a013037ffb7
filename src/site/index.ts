/**
 * A site: a directory on a machine, its settings and apps, and the agent that serves it. What the CLI does with sites
 * goes through these functions; the agent itself is `main.ts`. Nothing here touches SQL or knows a flow.
 */
import type { Access, Client } from "../client/client.ts";
import { ConiferError } from "../model/errors.ts";

export type InitSite = {
  /** Where the site will be; made if missing. */
  readonly directory: string;
  /** Default: the directory's own name. */
  readonly name?: string;
  readonly access: Access;
  readonly client: Client;
};
export type SiteIdentity = {
  readonly siteId: number;
  readonly name: string;
  /** The server's address. */
  readonly address: string;
};
export type AgentIdentity = {
  readonly pid: number;
  readonly host: string;
  readonly bootId: string;
  /** ISO time. */
  readonly startedAt: string;
};
export type ModuleReport = {
  readonly name: string;
  readonly state: "running" | "waiting" | "restarting" | "off";
  /** What it does or waits for, in words. */
  readonly text: string;
  readonly restarts: number;
  readonly lastFault: string | null;
  /** ISO time. */
  readonly since: string;
};
export type SiteReport = {
  readonly version: string;
  readonly modules: readonly ModuleReport[];
  readonly batch: { readonly queued: number; readonly running: number; readonly paused: string | null };
  readonly elastic: { readonly why: string; readonly at: string } | null;
  readonly problems: readonly string[];
};
export type SiteStatus = SiteIdentity & {
  readonly directory: string;
  /** null = no agent runs. */
  readonly agent: AgentIdentity | null;
  /** Whether the agent said so itself (false: it runs on another host and cannot be looked at from here). */
  readonly agentIsHere: boolean;
  /** What the agent told last, and when (ISO time); null = never. */
  readonly report: (SiteReport & { readonly at: string }) | null;
  /** Allocations of the local scheduler that are queued or running. */
  readonly pilots: readonly {
    readonly batchJobId: number;
    readonly state: "queued" | "running";
    readonly pid: number | null;
  }[];
};
export type DoctorLine = {
  readonly check: string;
  readonly level: "ok" | "warn" | "fail";
  readonly text: string;
  /** What to do; null where nothing needs doing. */
  readonly fix: string | null;
};
export type LoadedApp = {
  readonly name: string;
  /** Relative to the site's directory. */
  readonly file: string;
  readonly definition: import("../app/definition.ts").AppDefinition;
};
export type LoadedApps = {
  readonly apps: readonly LoadedApp[];
  /** One for each file that does not read; each names file and line. */
  readonly problems: readonly ConiferError[];
};
export type SyncedApps = {
  readonly created: number;
  readonly updated: number;
  readonly removed: number;
  readonly names: readonly string[];
};

const soon = (): never => {
  throw new ConiferError("INTERNAL", { problem: "not there yet" });
};

/** Makes a site: directory, settings, a sample app, the registration at the server and the site's own token; all of it or nothing. */
export async function initSite(_options: InitSite): Promise<SiteIdentity & { readonly directory: string }> {
  return soon();
}
/** The site directory that holds `from` (default: the working directory), or null. */
export async function findSiteDirectory(_from?: string): Promise<string | null> {
  return soon();
}
/** Who a site directory is; throws NO_SITE_HERE. */
export async function readSiteIdentity(_directory: string): Promise<SiteIdentity> {
  return soon();
}
/** Starts the agent detached and waits until it serves; `alreadyRunning` where it did before. */
export async function startSite(_options: {
  readonly directory: string;
}): Promise<{ readonly agent: AgentIdentity; readonly alreadyRunning: boolean }> {
  return soon();
}
/** Stops the agent, and with `pilots` its allocations too; false where no agent ran. */
export async function stopSite(_options: { readonly directory: string; readonly pilots?: boolean }): Promise<boolean> {
  return soon();
}
/** What a site is doing, as seen from its directory; needs no server. */
export async function siteStatus(_options: { readonly directory: string }): Promise<SiteStatus> {
  return soon();
}
/** Moves a stopped site's directory and/or renames it, here and at the server. */
export async function moveSite(_options: {
  readonly directory: string;
  readonly to?: string;
  readonly name?: string;
  readonly client: Client;
}): Promise<SiteIdentity & { readonly directory: string }> {
  return soon();
}
/** Removes a stopped site at the server with its jobs; with `files` its directory too. */
export async function removeSite(_options: {
  readonly directory: string;
  readonly files?: boolean;
  readonly client: Client;
}): Promise<void> {
  return soon();
}
/** settings.yml with every setting at its default and what it means. */
export function sampleSettings(): string {
  return soon();
}
/** Checks everything a site needs; one line a check. `directory` null: the machine alone. */
export async function doctor(_options: {
  readonly directory: string | null;
  readonly access: Access | null;
}): Promise<readonly DoctorLine[]> {
  return soon();
}
/** Reads apps/*.yml and apps/*.ts of a site. */
export async function loadAppFiles(_directory: string): Promise<LoadedApps> {
  return soon();
}
/** Reads the app files and tells the server; throws where one does not read (nothing is changed then). `prune` removes apps that have neither file nor jobs. */
export async function syncApps(_options: {
  readonly directory: string;
  readonly client: Client;
  readonly prune?: boolean;
}): Promise<SyncedApps> {
  return soon();
}
