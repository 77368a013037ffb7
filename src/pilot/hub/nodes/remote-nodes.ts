/**
 * The node agents on other nodes: who is there, who has fallen silent, and when nothing of a lost one can run any more.
 *
 * A link is not taken up again once it broke: networks inside of a cluster break seldom, and a link that merely rests for
 * less than the silence is none the worse for it. From the moment a link broke, its node gets nothing more. What ran there is told
 * lost when the agent must have ended it: at the latest after the silence (by then the agent, or its reaper where it hangs, has noticed), the
 * tasks' grace, and a moment to kill. Until then it may still run, and must not be started anywhere else.
 */
import type { Socket } from "node:net";
import { messageOf } from "../../../model/errors.ts";
import type { NodeMessage } from "../../link/messages.ts";
import type { Clock } from "../clock.ts";
import type { Hub, HubNode } from "../hub.ts";
import type { Agent } from "./agent.ts";
import { linkedAgent } from "./linked-agent.ts";
import { type NodePromise, type PromiseSettings, promiseOf } from "./promise.ts";

export interface RemoteNodesOptions {
  readonly hub: Hub;
  readonly clock: Clock;
  readonly promise: PromiseSettings;
  readonly silenceMs: number;
  /** A host's place in the allocation. */
  readonly positionOf: (host: string) => number;
  /** The agents' grace for tasks whose hub is gone. */
  readonly graceSec: number;
  readonly log: (level: "info" | "warn" | "error", message: string, about?: object) => void;
  readonly onUp: (host: string, promise: NodePromise) => void;
  /** Nothing of its tasks runs any more, and another agent may be started there. */
  readonly onLost: (host: string, why: string) => void;
}

interface Up {
  readonly agent: Agent;
  readonly node: HubNode;
  heardAt: number;
}

const killMs = 3000;

export class RemoteNodes {
  readonly #options: RemoteNodesOptions;
  /** By host: greeted, up, or null where what it ran may still be ending. */
  readonly #hosts = new Map<string, Up | "greeted" | null>();
  #isClosing = false;
  #pings = 0;

  constructor(options: RemoteNodesOptions) {
    this.#options = options;
    this.#ping();
  }

  /** Why no agent of this host is let in now, or null. */
  whyNot(host: string): string | null {
    const known = this.#hosts.get(host);
    if (this.#isClosing) return "the pilot ends";
    if (known === undefined) return null;
    return known === null ? `what an earlier agent ran on ${host} is still ending` : `another agent serves ${host}`;
  }

  isUp(host: string): boolean {
    const known = this.#hosts.get(host);
    return known !== undefined && known !== null && known !== "greeted";
  }

  get count(): number {
    return [...this.#hosts.keys()].filter((host) => this.isUp(host)).length;
  }

  /** Takes in an agent that was greeted. */
  async accept(socket: Socket, host: string): Promise<void> {
    const { hub, clock, promise, log, onUp, positionOf } = this.#options;
    this.#hosts.set(host, "greeted");
    let up: Up | null = null;
    const early: Exclude<NodeMessage, { type: "hello" }>[] = [];
    const receive = (message: Exclude<NodeMessage, { type: "hello" }>): void => {
      if (up) up.heardAt = clock.elapsed();
      if (message.type === "note") log("warn", message.text, { host });
      else if (up) hub.receive(up.node, message);
      else early.push(message);
    };
    try {
      const agent = await linkedAgent({ socket, host, onMessage: receive, onGone: (why) => this.#gone(host, why) });
      const promised = promiseOf(promise, agent.hello);
      const node = hub.addNode({
        hostname: host,
        position: positionOf(host),
        agent: agent.hello.agent,
        promise: promised,
        send: agent.send,
      });
      up = { agent, node, heardAt: clock.elapsed() };
      this.#hosts.set(host, up);
      early.forEach(receive);
      log("info", "node agent started", { agent: agent.hello.pid, hostname: host, ...promised.capacity });
      onUp(host, promised);
    } catch (error) {
      this.#hosts.delete(host);
      log("error", "a node agent did not say hello", { host, problem: messageOf(error) });
    }
  }

  /** Lets them all end, and breaks the links of those that take longer. */
  async close(withinMs: number): Promise<void> {
    this.#isClosing = true;
    const agents = [...this.#hosts.values()].flatMap((known) => (known && known !== "greeted" ? known.agent : []));
    for (const agent of agents) agent.send({ type: "shutdown", graceSec: 0 });
    const cancel = this.#options.clock.after(withinMs, () => {
      for (const agent of agents) agent.kill();
    });
    await Promise.all(agents.map(({ ended }) => ended));
    cancel();
  }

  #ping(): void {
    const { clock, silenceMs, log } = this.#options;
    clock.after(silenceMs / 4, () => {
      this.#pings += 1;
      for (const [host, known] of this.#hosts) {
        if (known === null || known === "greeted") continue;
        if (clock.elapsed() - known.heardAt > silenceMs) {
          log("error", "a node agent does not answer", { host });
          known.agent.kill();
        } else known.agent.send({ type: "ping", n: this.#pings });
      }
      if (!this.#isClosing || this.count > 0) this.#ping();
    });
  }

  #gone(host: string, why: string): void {
    const { hub, clock, silenceMs, graceSec, log, onLost } = this.#options;
    const known = this.#hosts.get(host);
    if (!known || known === "greeted") return;
    this.#hosts.set(host, null);
    hub.nodeGone(known.node);
    log(this.#isClosing ? "info" : "error", "a node agent is gone", { host, why });
    const lost = (): void => {
      this.#hosts.delete(host);
      hub.nodeLost(known.node, `its node ${host} was lost: ${why}`);
      onLost(host, why);
    };
    // One that was told to end has ended its tasks first.
    if (this.#isClosing) lost();
    else clock.after(silenceMs + graceSec * 1000 + killMs, lost);
  }
}
