/**
 * All nodes of a pilot. The one the hub is on has its agent as a child process; the others have theirs started by the platform's launcher,
 * and these connect to the hub. A hub on a host that is no compute node has an agent there, too, which starts only what must be
 * started there. An agent that is lost is started again on its node, twice at most.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../../model/errors.ts";
import { announcedAddresses } from "../../../platform/nodes/addresses.ts";
import { parseSavedEnvironment, taskBase } from "../../../platform/nodes/environment.ts";
import type { AllocationHosts } from "../../../platform/nodes/hosts.ts";
import { hostNamed, ownNames } from "../../../platform/nodes/same-host.ts";
import { agentCommands, launcherEnvironment, launcherFor } from "../../../platform/nodes/start-agents.ts";
import type { PilotConfig } from "../../config.ts";
import { writeMeeting } from "../../link/meeting.ts";
import type { PilotNodes } from "../../pilot.ts";
import type { Clock } from "../clock.ts";
import type { Hub } from "../hub.ts";
import type { Capacity } from "../place/pool.ts";
import { NodeKeeper } from "./keep.ts";
import { type Listener, listen } from "./listen.ts";
import { RemoteNodes } from "./remote-nodes.ts";
import { type Launcher, runLauncher } from "./run-launcher.ts";

export interface FleetOptions {
  readonly config: Pick<PilotConfig, "directory" | "site" | "graceSec" | "node" | "nodes" | "mpi">;
  readonly clock: Clock;
  readonly log: (level: "info" | "warn" | "error", message: string, about?: object) => void;
  /** The node agent's program. */
  readonly program: string;
  readonly logFile: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly findHosts: () => Promise<AllocationHosts>;
  /** Which family an `mpiexec` that starts agents is of. */
  readonly mpiFamily: () => Promise<"openmpi" | "mpich">;
}

/** Tasks of an agent whose hub is gone have so long at most: others wait for their end. */
const mostLostGraceSec = 2;
const mostRestarts = 2;

export class Fleet implements PilotNodes {
  readonly #options: FleetOptions;
  readonly #launchers: Launcher[] = [];
  readonly #restarts = new Map<string, number>();
  #hosts: readonly string[] = [];
  #local: NodeKeeper | null = null;
  #remote: RemoteNodes | null = null;
  #listener: Listener | null = null;
  #launch: (hosts: readonly string[]) => void = () => {};
  #isKept = true;
  /** Hosts whose agent has been started and has not come yet, each with the round it was started in. */
  readonly #awaited = new Map<string, number>();
  #rounds = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Resolves with the first node that is there. Throws where none can be. */
  async open(
    hub: Hub,
    onHopeless: (why: string) => void,
  ): Promise<{ readonly capacity: Capacity; readonly nodes: number }> {
    const { log, environment } = this.#options;
    const { source, hosts } = await this.#options.findHosts();
    this.#hosts = hosts;
    const own =
      hosts.length === 1 && source === "none" ? hosts[0] : hostNamed(hosts, ownNames(environment, hostname()));
    const others = hosts.filter((host) => host !== own);
    if (others.length > 0) log("info", "nodes of the allocation", { source, hosts: hosts.length, own: own ?? null });
    const remote =
      others.length > 0 ? this.#openRemote(hub, { others, source, onHopeless, hasOwn: own != null }) : null;
    // Its rejection is looked at after the local agent's start.
    remote?.catch(() => {});
    const local = await this.#openLocal(
      hub,
      own ?? null,
      others.length === 0 ? onHopeless : (why) => log("error", why),
    );
    if (own == null) log("info", "this host is no node of the allocation: it only starts tasks");
    const capacity = own == null && remote ? await remote : local;
    return { capacity, nodes: hosts.length };
  }

  keepNoLonger(): void {
    this.#isKept = false;
    this.#local?.keepNoLonger();
  }

  async close(withinMs: number): Promise<void> {
    this.#isKept = false;
    await Promise.all([this.#local?.close(withinMs), this.#remote?.close(withinMs)]);
    this.#listener?.close();
    for (const launcher of this.#launchers.splice(0)) launcher.close();
    rmSync(this.#meetingFile, { force: true });
  }

  get #meetingFile(): string {
    return join(this.#options.config.directory, "nodes.json");
  }

  /** Null where the batch script has saved none. */
  get #environmentFile(): string | null {
    const file = join(this.#options.config.directory, "environment");
    return existsSync(file) ? file : null;
  }

  async #openLocal(hub: Hub, own: string | null, onHopeless: (why: string) => void): Promise<Capacity> {
    const { config, clock, log, program, logFile, environment } = this.#options;
    const file = this.#environmentFile;
    const saved = file === null ? null : parseSavedEnvironment(readFileSync(file, "utf8"));
    this.#local = new NodeKeeper({
      hub,
      clock,
      log,
      onHopeless,
      promise: own === null ? { cores: 0, gpus: 0, memoryBytes: 0 } : config.node,
      isBatchHost: true,
      ...(own === null || this.#hosts.length === 1 ? {} : { hostname: own, position: this.#hosts.indexOf(own) }),
      agent: {
        program,
        root: join(config.site.directory, "data"),
        logFile,
        environment: taskBase(saved, environment),
        graceSec: config.graceSec,
      },
    });
    return (await this.#local.open()).promise.capacity;
  }

  /** Listens, starts agents on the other hosts, and resolves with what the first of them has. */
  async #openRemote(
    hub: Hub,
    use: {
      others: readonly string[];
      source: AllocationHosts["source"];
      onHopeless: (why: string) => void;
      hasOwn: boolean;
    },
  ): Promise<Capacity> {
    const { config, clock, log, environment, program, logFile } = this.#options;
    const { nodes, graceSec, site } = config;
    const silenceMs = nodes.silenceSec * 1000;
    const lostGraceSec = Math.min(graceSec, mostLostGraceSec);
    const secret = randomBytes(32).toString("hex");
    const absent = new Set(use.others);
    const first = promiseWithResolvers<Capacity>();
    const remote = new RemoteNodes({
      hub,
      clock,
      log,
      promise: config.node,
      silenceMs,
      positionOf: (host) => this.#hosts.indexOf(host),
      graceSec: lostGraceSec,
      onUp: (host, { capacity }) => {
        absent.delete(host);
        this.#awaitNoMore(hub, [host]);
        first.resolve(capacity);
      },
      onLost: (host, why) => {
        absent.add(host);
        this.#startAgain(host, why);
        if (!use.hasOwn && absent.size === use.others.length && !this.#mayRestart())
          use.onHopeless("all its nodes are lost");
      },
    });
    this.#remote = remote;
    const addresses = announcedAddresses(nodes.network, networkInterfaces());
    this.#listener = await listen({
      bind: addresses.length === 1 && /^[\d.]+$/.test(addresses[0] ?? "") ? (addresses[0] ?? null) : null,
      secret,
      isEncrypted: nodes.tls,
      admit: (names) => {
        const host = hostNamed(use.others, names);
        return host === null ? `${names.join(", ")} is none of the pilot's nodes` : remote.whyNot(host);
      },
      onAgent: (socket, names) => {
        const host = hostNamed(use.others, names);
        if (host !== null) void remote.accept(socket, host);
      },
      onStranger: (from, why) => log("warn", "somebody was not let in", { from, why }),
    });
    writeMeeting(this.#meetingFile, {
      ...{ addresses, port: this.#listener.port, secret, isEncrypted: nodes.tls },
      ...{ root: join(site.directory, "data"), graceSec: lostGraceSec, silenceMs },
      environmentFile: this.#environmentFile,
    });
    const chosen = nodes.launcher === "auto" ? launcherFor(use.source, environment) : nodes.launcher;
    const mpi = chosen === "mpiexec" ? await this.#options.mpiFamily() : "openmpi";
    log("info", "starting node agents", {
      launcher: chosen,
      nodes: use.others.length,
      addresses,
      port: this.#listener.port,
    });
    this.#launch = (hosts) => {
      this.#await(hub, hosts);
      const commands = agentCommands(chosen, {
        hosts,
        positions: hosts.map((host) => this.#hosts.indexOf(host)),
        command: (host) => [
          process.execPath,
          program,
          JSON.stringify({ meeting: this.#meetingFile, ...(host === null ? {} : { host }) }),
        ],
        options: nodes.launchOptions,
        mpi,
        asRoot: process.getuid?.() === 0,
      });
      const onEnd = (ofCommand: readonly string[], why: string): void => {
        const without = ofCommand.filter((host) => absent.has(host) && remote.whyNot(host) === null);
        this.#awaitNoMore(hub, without);
        if (without.length === 0 || !this.#isKept) return;
        log("error", "nodes have no agent", { hosts: without, why });
        if (absent.size === use.others.length) first.reject(new Error(`no node agent could be started: ${why}`));
      };
      this.#launchers.push(runLauncher({ commands, environment: launcherEnvironment(environment), logFile, onEnd }));
    };
    this.#launch(use.others);
    clock.after(nodes.startWithinSec * 1000, () => {
      if (absent.size === 0 || !this.#isKept) return;
      log("error", "nodes did not come in time", { hosts: [...absent], withinSec: nodes.startWithinSec });
      first.reject(new Error(`no node agent came within ${nodes.startWithinSec} s; their log is ${logFile}`));
    });
    return first.promise;
  }

  /** Until they have come, or it is too late for it, nothing is too wide for this pilot. */
  #await(hub: Hub, hosts: readonly string[]): void {
    const { clock, config } = this.#options;
    this.#rounds += 1;
    const round = this.#rounds;
    for (const host of hosts) this.#awaited.set(host, round);
    hub.expectNodes(true);
    clock.after(config.nodes.startWithinSec * 1000, () => {
      const late = hosts.filter((host) => this.#awaited.get(host) === round);
      this.#awaitNoMore(hub, late);
    });
  }

  #awaitNoMore(hub: Hub, hosts: readonly string[]): void {
    for (const host of hosts) this.#awaited.delete(host);
    hub.expectNodes(this.#awaited.size > 0);
  }

  #mayRestart(): boolean {
    return this.#isKept && this.#hosts.some((host) => (this.#restarts.get(host) ?? 0) < mostRestarts);
  }

  #startAgain(host: string, why: string): void {
    const { log } = this.#options;
    const count = this.#restarts.get(host) ?? 0;
    if (!this.#isKept || count >= mostRestarts) return;
    this.#restarts.set(host, count + 1);
    log("info", "starting another agent on a lost node", { host, why });
    try {
      this.#launch([host]);
    } catch (error) {
      log("error", "it could not be started", { host, problem: messageOf(error) });
    }
  }
}

function promiseWithResolvers<Value>() {
  let resolve: (value: Value) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
