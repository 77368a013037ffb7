/**
 * Keeps one node agent on this machine: starts it, starts another one when it dies, and sees to it that nothing of a
 * dead one's tasks runs on before their loss is told.
 */
import { endMarked } from "../../../platform/processes/marked.ts";
import type { NodeMessage } from "../../link/messages.ts";
import type { Clock } from "../clock.ts";
import type { Hub, HubNode } from "../hub.ts";
import { type Agent, type AgentOptions, startAgent } from "./agent.ts";
import { type PromiseSettings, promiseOf } from "./promise.ts";

export interface KeepOptions {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly agent: Omit<AgentOptions, "onMessage" | "onGone">;
  readonly promise: PromiseSettings;
  /** The scheduler's name for this machine; default what the machine calls itself. */
  readonly hostname?: string;
  /** Its place in the allocation; default the first. */
  readonly position?: number;
  /** Whether the batch script runs here. */
  readonly isBatchHost?: boolean;
  readonly log: (level: "info" | "warn" | "error", message: string, about?: object) => void;
  /** It dies so quickly again and again that there is no use in starting another one. */
  readonly onHopeless: (why: string) => void;
  /** An agent that says nothing for so long, though asked, is killed. Default 90 s. */
  readonly silenceMs?: number;
}

/** An agent that lived so long gives the next ones new chances. */
const quickMs = 60_000;
const mostQuickDeaths = 3;

export class NodeKeeper {
  readonly #options: KeepOptions;
  #current: { readonly agent: Agent; readonly node: HubNode; readonly since: number; heardAt: number } | null = null;
  #quickDeaths = 0;
  #isKept = true;
  #whenGone: () => void = () => {};

  constructor(options: KeepOptions) {
    this.#options = options;
  }

  /** Starts the first agent. Throws LINK_BROKEN. */
  async open(): Promise<HubNode> {
    const { hub, clock, promise, log } = this.#options;
    let node: HubNode | null = null;
    const early: Exclude<NodeMessage, { type: "hello" }>[] = [];
    const receive = (message: Exclude<NodeMessage, { type: "hello" }>): void => {
      if (this.#current) this.#current.heardAt = clock.elapsed();
      if (message.type === "note") log("warn", message.text);
      else if (node) hub.receive(node, message);
      else early.push(message);
    };
    const agent: Agent = await startAgent({
      ...this.#options.agent,
      onMessage: receive,
      onGone: (why) => void this.#gone(why),
    });
    const { hostname, pid, cpus } = agent.hello;
    const promised = promiseOf(promise, agent.hello);
    node = hub.addNode({
      hostname: this.#options.hostname ?? hostname,
      position: this.#options.position ?? 0,
      agent: agent.hello.agent,
      promise: promised,
      send: agent.send,
      isBatchHost: this.#options.isBatchHost ?? false,
    });
    this.#current = { agent, node, since: clock.elapsed(), heardAt: clock.elapsed() };
    this.#ask(agent, 1);
    early.forEach(receive);
    log("info", "node agent started", { agent: pid, hostname, cpus: cpus.length, ...promised.capacity });
    if (promised.cores === null)
      log("warn", "more cores are promised than there are: tasks run unpinned", { promised: promised.capacity.cores });
    return node;
  }

  /** From now on an agent that dies is not replaced. */
  keepNoLonger(): void {
    this.#isKept = false;
  }

  /** Lets the agent end, and kills it where it takes longer than this; what it still ran then is lost. */
  async close(withinMs: number): Promise<void> {
    this.#isKept = false;
    if (!this.#current) return;
    const { agent } = this.#current;
    agent.send({ type: "shutdown", graceSec: 0 });
    const cancel = this.#options.clock.after(withinMs, agent.kill);
    await new Promise<void>((resolve) => {
      this.#whenGone = resolve;
    });
    cancel();
  }

  /** Asks an agent for a sign of life from time to time: one that hangs would keep its tasks for ever. */
  #ask(agent: Agent, n: number): void {
    const { clock, log, silenceMs = 90_000 } = this.#options;
    clock.after(silenceMs / 4, () => {
      const current = this.#current;
      if (current?.agent !== agent) return;
      if (clock.elapsed() - current.heardAt > silenceMs) {
        log("error", "the node agent does not answer: killing it", { agent: agent.hello.pid });
        agent.kill();
      } else agent.send({ type: "ping", n });
      this.#ask(agent, n + 1);
    });
  }

  async #gone(why: string): Promise<void> {
    const { hub, clock, log, onHopeless } = this.#options;
    const current = this.#current;
    if (!current) return;
    this.#current = null;
    const { agent, node, since } = current;
    hub.nodeGone(node);
    log(this.#isKept ? "error" : "info", "the node agent is gone", { agent: agent.hello.pid, why });
    if (this.#isKept || hub.runningTasks > 0) {
      // Its reaper does that too; the next attempt of a task must find nothing of this one whatever became of the reaper.
      const { found, left } = await endMarked(`CONIFER_NODE_AGENT=${agent.hello.agent}`, 0);
      if (found > 0 || left > 0) log("warn", "ended what the node agent left running", { found, left });
    }
    hub.nodeLost(node, `its node agent died: ${why}`);
    this.#whenGone();
    this.#quickDeaths = clock.elapsed() - since < quickMs ? this.#quickDeaths + 1 : 1;
    if (!this.#isKept) return;
    if (this.#quickDeaths >= mostQuickDeaths) {
      onHopeless(`its node agent died ${this.#quickDeaths} times within ${quickMs / 1000} s of its start: ${why}`);
      return;
    }
    try {
      await this.open();
    } catch (error) {
      onHopeless(`no node agent could be started: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
