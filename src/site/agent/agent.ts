/**
 * The site agent: one process per site directory. It connects outward only, and owns nothing that must not be lost: jobs
 * are the server's, allocations go on without it, hooks are committed or run again. So it may be killed at any moment.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import packageJson from "../../../package.json" with { type: "json" };
import { messageOf } from "../../model/errors.ts";
import { rotateLog } from "../../platform/files/rotate-log.ts";
import type { Scheduler } from "../../platform/schedulers/scheduler.ts";
import { AppCatalog } from "../apps/catalog.ts";
import { appsModule } from "../apps/module.ts";
import { batchModule } from "../batch/module.ts";
import { endAllocations, openSiteScheduler } from "../batch/scheduler.ts";
import { syncBatchJobs } from "../batch/sync.ts";
import { cleanModule } from "../clean/module.ts";
import { readSiteIdentity, type SiteIdentity, writeSiteIdentity } from "../directory/identity.ts";
import { type SiteLayout, siteLayout } from "../directory/layout.ts";
import { readSiteAccess, type SiteAccess } from "../directory/site-access.ts";
import { elasticModule } from "../elastic/module.ts";
import { hooksModule } from "../hooks/module.ts";
import { needsRelay, openServerRelay, type ServerRelay } from "../relay/relay.ts";
import { readSettings } from "../settings/read-settings.ts";
import type { Settings } from "../settings/schema.ts";
import { type AgentContext, makeBells, makeNotices, ringAll } from "./context.ts";
import { eventsModule } from "./events.ts";
import { heartbeatModule, type SiteReport } from "./heartbeat.ts";
import { type AgentIdentity, releaseAgentLock, takeAgentLock } from "./lock.ts";
import { type AgentLog, openLog } from "./log.ts";
import type { AgentModule } from "./module.ts";
import { ServerLink } from "./server-link.ts";
import { Supervisor } from "./supervise.ts";

/** Allocations that are ended with the agent get this much more than their pilots' grace, seconds. */
const END_MARGIN_SEC = 20;
/** Logs of earlier agents kept beside the present one. */
const KEPT_LOGS = 3;

export class SiteAgent implements AsyncDisposable {
  readonly #context: AgentContext;
  readonly #link: ServerLink;
  readonly #scheduler: Scheduler;
  readonly #relay: ServerRelay | null;
  readonly #identity: AgentIdentity;
  readonly #stopping = new AbortController();
  readonly #supervisors: readonly Supervisor[];
  readonly #runs: Promise<void>[];
  #strayFault: string | null = null;
  /** Resolves when another agent has taken this one's place. */
  readonly replaced: Promise<void>;
  /** Resolves when the server has heard of this agent. */
  readonly heard: Promise<void>;

  private constructor(parts: {
    context: Omit<AgentContext, "scheduler" | "client" | "access">;
    link: ServerLink;
    scheduler: Scheduler;
    relay: ServerRelay | null;
    identity: AgentIdentity;
  }) {
    this.#link = parts.link;
    this.#scheduler = parts.scheduler;
    this.#identity = parts.identity;
    this.#relay = parts.relay;
    const { link, scheduler, relay } = parts;
    const access = () => {
      const { address, fingerprint } = relay ?? link.access;
      return { address, fingerprint, token: link.access.token };
    };
    const context: AgentContext = { ...parts.context, scheduler, client: link, access };
    this.#context = context;
    let tellReplaced = (): void => undefined;
    this.replaced = new Promise((resolve) => {
      tellReplaced = resolve;
    });
    let tellHeard = (): void => undefined;
    this.heard = new Promise((resolve) => {
      tellHeard = resolve;
    });
    const catalog = new AppCatalog(context.layout.directory, (problems) => {
      context.notices.apps = problems;
      context.bells.heartbeat.ring();
    });
    const beat = { agent: this.#identity, report: () => this.report(), onReplaced: tellReplaced, onTold: tellHeard };
    const { elastic, clean } = context.settings;
    const modules: AgentModule[] = [
      heartbeatModule(context, beat),
      eventsModule(context),
      appsModule(context, catalog),
      batchModule(context),
      ...(elastic.enabled ? [elasticModule(context)] : []),
      hooksModule(context, catalog),
      ...(clean.enabled ? [cleanModule(context)] : []),
    ];
    const onChange = () => context.bells.heartbeat.ring();
    const { signal } = this.#stopping;
    this.#supervisors = modules.map((module) => new Supervisor(module, { signal, log: context.log, onChange }));
    this.#runs = this.#supervisors.map((supervisor) => supervisor.run());
  }

  /** Becomes the agent of a site. Throws BAD_SETTINGS, ALREADY_RUNNING, NO_SITE_HERE; a server that is away is waited for. */
  static async start(directory: string): Promise<SiteAgent> {
    const layout = siteLayout(directory);
    const settings = await readSettings(layout.settings);
    await readSiteIdentity(directory);
    const readAccess = () => accessOf(layout, settings);
    await readAccess();
    const identity = await takeAgentLock(layout);
    const logFile = join(layout.log, "agent.log");
    await rotateLog(logFile, KEPT_LOGS);
    const log = openLog(logFile, settings.log.level);
    const bells = makeBells();
    const userAgent = `conifer-site/${packageJson.version}`;
    const link = await ServerLink.open({ readAccess, userAgent, onRenewed: () => ringAll(bells) });
    try {
      const { mark } = await readSiteIdentity(directory);
      const scheduler = await openSiteScheduler(settings, { layout, mark, log, onChange: () => bells.batch.ring() });
      const relay = needsRelay(settings, link.address)
        ? await openServerRelay({ layout, settings, access: () => link.access, log })
        : null;
      const site = await renamed(await readSiteIdentity(directory), { layout, settings, link, log });
      const context = { layout, identity: site, settings, log, bells, notices: makeNotices() };
      log.info({ pid: process.pid, site, node: process.version }, "the agent starts");
      return new SiteAgent({ context, link, scheduler, relay, identity });
    } catch (error) {
      await link[Symbol.asyncDispose]();
      await releaseAgentLock(layout, identity);
      throw error;
    }
  }

  /** How the agent and its modules fare. */
  report(): SiteReport {
    const { notices } = this.#context;
    const modules = this.#supervisors.map(({ report }) => report);
    const faults = modules
      .filter(({ state }) => state === "restarting")
      .map(({ name, lastFault }) => `module ${name} failed: ${lastFault}`);
    const { batch, elastic, limits, queues, apps } = notices;
    const problems = [...faults, ...apps, ...(this.#strayFault === null ? [] : [this.#strayFault])];
    return { version: packageJson.version, modules, batch, elastic, limits, queues, problems };
  }

  /** An error that no module waited for: it goes to the log, and with its time to the site's problems. */
  tellFault(error: unknown): void {
    this.#context.log.error({ err: error }, "an error outside of every module");
    this.#strayFault = `${new Date().toISOString()} an error outside of every module: ${messageOf(error)}`;
    this.#context.bells.heartbeat.ring();
  }

  /** Gives up all allocations and waits until they have ended and the server knows. */
  async endPilots(): Promise<void> {
    const { log, settings } = this.#context;
    await endAllocations(this.#scheduler, {
      withinSec: settings.pilot.graceSec + END_MARGIN_SEC,
      onBegin: (allocations) => log.info({ allocations }, "ending the allocations"),
    });
    await syncBatchJobs(this.#context, new Map()).catch((error: unknown) =>
      log.warn({ problem: messageOf(error) }, "the server does not know yet that the allocations have ended"),
    );
  }

  /** Stops serving; allocations go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#runs);
    await this.#relay?.[Symbol.asyncDispose]();
    await this.#scheduler[Symbol.asyncDispose]();
    await this.#link[Symbol.asyncDispose]();
    this.#context.log.info({ pid: process.pid }, "the agent stops");
    await rm(this.#context.layout.report, { force: true });
    await releaseAgentLock(this.#context.layout, this.#identity);
  }
}

async function accessOf(layout: SiteLayout, settings: Settings): Promise<SiteAccess> {
  const access = await readSiteAccess(layout.directory);
  return settings.server.address === null ? access : { ...access, address: settings.server.address };
}

/** Where the settings give the site a new name, the server is told; it is no reason not to start where it is away. */
async function renamed(
  identity: SiteIdentity,
  { layout, settings, link, log }: { layout: SiteLayout; settings: Settings; link: ServerLink; log: AgentLog },
): Promise<SiteIdentity> {
  const { name } = settings;
  if (name === null || name === identity.name) return identity;
  try {
    await link.call("siteUpdate", { params: { id: identity.siteId }, body: { name }, timeoutSec: 10 });
    const now = { ...identity, name };
    await writeSiteIdentity(layout.directory, now);
    return now;
  } catch (error) {
    log.warn({ name, problem: messageOf(error) }, "the site could not be renamed");
    return identity;
  }
}
