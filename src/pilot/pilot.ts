/**
 * One pilot, from its start to its orderly end: the hub, its nodes, the source of tasks, the relay for running jobs.
 *
 * It works until something ends it: its allocation, nothing to do, a signal, the server, or a node agent that keeps
 * dying. Then it takes no more jobs, gives back those that have not started, ends the others, tells the server, and leaves.
 */
import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Client } from "../client/client.ts";
import type { App } from "../client/wire/entities.ts";
import type { Offer } from "../client/wire/sessions.ts";
import { messageOf } from "../model/errors.ts";
import { totalRanks } from "../model/resources.ts";
import { type FoundMpi, findMpi } from "../platform/launchers/find-mpi.ts";
import { startsOn } from "../platform/launchers/mpi-arguments.ts";
import type { PilotConfig } from "./config.ts";
import type { Clock } from "./hub/clock.ts";
import { toHubTask } from "./hub/dispatch/offer.ts";
import { Hub } from "./hub/hub.ts";
import type { Capacity } from "./hub/place/pool.ts";
import { openRelay, type Relay } from "./hub/relay/relay.ts";
import { type Journal, openJournal } from "./hub/report/journal.ts";
import { CampaignSource } from "./hub/source/campaign.ts";
import type { HubTask } from "./hub/task.ts";

export type PilotLog = (level: "info" | "warn" | "error", message: string, about?: object) => void;

/** The nodes of a pilot. */
export interface PilotNodes {
  /** Starts them and puts them into the hub; answers what each promises and how many there should be. `onHopeless` is called where none can be kept. */
  open(hub: Hub, onHopeless: (why: string) => void): Promise<{ readonly capacity: Capacity; readonly nodes: number }>;
  /** From now on one that dies is not replaced. */
  keepNoLonger(): void;
  /** Lets them end, and kills those that take longer, with all that they run, which is lost. Again: at once. */
  close(withinMs: number): Promise<void>;
}

export interface PilotParts {
  readonly client: Pick<Client, "call" | "stream">;
  readonly nodes: PilotNodes;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: PilotLog;
}

/** How a pilot ended; a failed one exits with 1. */
export interface PilotEnd {
  readonly reason: string;
  readonly isFailure: boolean;
}

/** Beyond the grace, until tasks that cannot be killed are left to their reaper. */
const endSlackMs = 10_000;
/** For the last reports, where the allocation does not end before. */
const finishWithinMs = 15_000;
const nodesCloseMs = 5000;

export class Pilot {
  readonly #config: PilotConfig;
  readonly #parts: PilotParts;
  readonly #hub: Hub;
  readonly #source: CampaignSource;
  readonly #journal: Journal;
  /** When tasks are stopped, and when the allocation is over, on `elapsed`. */
  readonly #stopsAt: number | null;
  readonly #overAt: number | null;
  #relay: Relay | null = null;
  #mpi: FoundMpi | null = null;
  #idleSince: number;
  #ending: PilotEnd | null = null;
  readonly #ended: Promise<PilotEnd>;
  #end: (end: PilotEnd) => void = () => {};

  constructor(config: PilotConfig, parts: PilotParts) {
    const { clock, log, client, random } = parts;
    this.#config = config;
    this.#parts = parts;
    this.#idleSince = clock.elapsed();
    this.#overAt = config.wallTimeMin === null ? null : clock.elapsed() + config.wallTimeMin * 60_000;
    this.#stopsAt = this.#overAt === null ? null : this.#overAt - config.endMarginSec * 1000;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    mkdirSync(config.directory, { recursive: true, mode: 0o700 });
    this.#journal = openJournal({ directory: config.directory, onProblem: (problem) => log("error", problem) });
    this.#source = new CampaignSource({
      client,
      clock,
      random,
      log,
      journal: this.#journal,
      tags: config.tags,
      apps: config.apps,
      graceSec: this.#graceSec,
      endsAt: this.#stopsAt,
      toTasks: (offers) => this.#toTasks(offers),
      onOver: ({ id, attempt }) => this.#relay?.revoke(id, attempt),
      onRetire: (reason) => this.end(reason),
      waitSec: () => this.#waitSec(),
    });
    this.#hub = new Hub({
      clock,
      events: this.#source,
      endsAt: this.#stopsAt,
      onDrained: (hostname, why) => log("error", "a node is drained: it gets nothing more", { hostname, why }),
    });
  }

  /** Runs until something ends it, and then to the end of its orderly end. */
  async run(): Promise<PilotEnd> {
    const { clock, nodes, log, client } = this.#parts;
    const { directory, site, batchJobId, relay } = this.#config;
    log("info", "pilot started", { site: site.name, batchJobId, wallTimeMin: this.#config.wallTimeMin });
    try {
      const hopeless = (why: string): void => this.end(why, true);
      const [{ capacity, nodes: count }] = await Promise.all([
        nodes.open(this.#hub, hopeless),
        relay ? openRelay(client, directory).then((opened) => (this.#relay = opened)) : null,
      ]);
      this.#tick();
      const label = `${hostname()}:${process.pid}`;
      await this.#source.open(this.#hub, { site: site.id, batchJob: batchJobId, label, nodes: count, capacity });
      this.#idleSince = clock.elapsed();
    } catch (error) {
      this.end(`it could not start: ${messageOf(error)}`, true);
    }
    const end = await this.#ended;
    await this.#leave(end);
    return end;
  }

  /** Begins the orderly end; the first reason counts. */
  end(reason: string, isFailure = false): void {
    if (this.#ending) return;
    this.#ending = { reason, isFailure };
    this.#end(this.#ending);
  }

  async #leave({ reason, isFailure }: PilotEnd): Promise<void> {
    const { clock, nodes, log } = this.#parts;
    const { running, waiting } = { running: this.#hub.runningTasks, waiting: this.#hub.waitingTasks };
    log(isFailure ? "error" : "info", "pilot ends", { reason, running, waiting });
    nodes.keepNoLonger();
    this.#hub.pause();
    this.#source.stopTaking();
    this.#hub.endAll("allocation-end", this.#graceSec);
    const lastMoment = this.#overAt === null ? Number.POSITIVE_INFINITY : this.#overAt - nodesCloseMs;
    const giveUpAt = Math.min(clock.elapsed() + this.#graceSec * 1000 + endSlackMs, lastMoment);
    while (this.#hub.runningTasks > 0 && clock.elapsed() < giveUpAt)
      await new Promise<void>((resolve) => clock.after(20, resolve));
    // What a silent node runs must be dead before its jobs may run elsewhere.
    if (this.#hub.runningTasks > 0) await nodes.close(nodesCloseMs);
    const leftMs = this.#overAt === null ? finishWithinMs : this.#overAt - clock.elapsed() - 1000;
    await this.#source.finish(reason, Math.max(1000, Math.min(finishWithinMs, leftMs)));
    await nodes.close(nodesCloseMs);
    await this.#relay?.close();
    this.#journal.close();
    log("info", "pilot ended", { ...this.#source.counts });
  }

  /** The grace must fit in front of the end of the allocation. */
  get #graceSec(): number {
    const { graceSec, endMarginSec, wallTimeMin } = this.#config;
    return wallTimeMin === null ? graceSec : Math.min(graceSec, endMarginSec / 2);
  }

  #tick(): void {
    if (this.#ending) return;
    const { clock } = this.#parts;
    const now = clock.elapsed();
    const { idleSec } = this.#config;
    if (this.#hub.runningTasks > 0 || this.#hub.waitingTasks > 0) this.#idleSince = now;
    if (this.#stopsAt !== null && now >= this.#stopsAt) this.end("its allocation ends");
    else if (idleSec !== null && now - this.#idleSince >= idleSec * 1000) this.end(`nothing to do for ${idleSec} s`);
    // Tasks that can no longer end in time are found by looking, not by what happens.
    this.#hub.place();
    this.#source.tick();
    if (!this.#ending) clock.after(1000, () => this.#tick());
  }

  /** Not longer than the pilot would stay idle. */
  #waitSec(): number {
    const { idleSec } = this.#config;
    if (idleSec === null) return 30;
    const leftSec = idleSec - (this.#parts.clock.elapsed() - this.#idleSince) / 1000;
    return Math.min(30, Math.max(1, Math.ceil(leftSec)));
  }

  async #findMpi(): Promise<FoundMpi> {
    const { launcher, program, template, pmi, startsOn: place } = this.#config.mpi;
    const found = await findMpi(launcher, program ?? undefined);
    if ("missing" in found) return found;
    return {
      launcher: {
        ...found.launcher,
        template,
        ...(pmi === null ? {} : { pmi }),
        startsOn: place ?? startsOn(found.launcher),
      },
    };
  }

  async #toTasks(offers: readonly { readonly offer: Offer; readonly app: App }[]): Promise<HubTask[]> {
    this.#idleSince = this.#parts.clock.elapsed();
    if (this.#mpi === null && offers.some(({ offer }) => totalRanks(offer) > 1)) {
      this.#mpi = await this.#findMpi();
      this.#parts.log("launcher" in this.#mpi ? "info" : "warn", "looked for an MPI launcher", this.#mpi);
    }
    const relay = this.#relay;
    const { site } = this.#config;
    return offers.map(({ offer, app }) =>
      toHubTask(offer, app, {
        site,
        graceSec: this.#graceSec,
        ranks: this.#config.mpi,
        forwarded,
        mpi: () => this.#mpi ?? { missing: "it was not looked for" },
        asRoot,
        grant: relay && ((job, attempt) => relay.grant(job, attempt)),
      }),
    );
  }
}

const asRoot = process.getuid?.() === 0;

/** What programs on other nodes need to be found, where their launcher hands on only what it is told. */
const forwarded = ["PATH", "LD_LIBRARY_PATH"].filter((name) => process.env[name] !== undefined);

/** What a pilot's directory holds besides its config. */
export const nodeLogFile = (directory: string): string => join(directory, "node.log");
