import type { Socket } from "node:net";
import { ConiferError } from "../../../model/errors.ts";
import { type Channel, openChannel } from "../../link/channel.ts";
import { type HubMessage, linkProtocol, type NodeHello, type NodeMessage } from "../../link/messages.ts";
import { readNodeMessage } from "../../link/read-message.ts";
import type { Agent } from "./agent.ts";

export interface LinkedAgentOptions {
  readonly socket: Socket;
  readonly host: string;
  readonly onMessage: (message: Exclude<NodeMessage, NodeHello>) => void;
  /** Called once after the agent has said hello: its link broke, and why. */
  readonly onGone: (why: string) => void;
}

const helloWithinMs = 30_000;

/** An agent on another node, from its greeting to its hello. Throws LINK_BROKEN. */
export function linkedAgent({ socket, host, onMessage, onGone }: LinkedAgentOptions): Promise<Agent> {
  const peer = `node agent on ${host}`;
  let onEnded = (): void => {};
  const ended = new Promise<void>((resolve) => {
    onEnded = resolve;
  });
  return new Promise<Agent>((resolve, reject) => {
    let isKnown = false;
    const broken = (problem: string): void => {
      clearTimeout(late);
      socket.destroy();
      reject(new ConiferError("LINK_BROKEN", { peer, problem }));
    };
    const late = setTimeout(() => broken(`no hello within ${helloWithinMs / 1000} s`), helloWithinMs);
    const channel: Channel<HubMessage> = openChannel<NodeMessage, HubMessage>({
      readable: socket,
      writable: socket,
      peer,
      read: readNodeMessage,
      onMessage: (message) => {
        if (message.type !== "hello") return onMessage(message);
        if (message.protocol !== linkProtocol)
          return broken(`it speaks version ${message.protocol} of the protocol, this pilot ${linkProtocol}`);
        clearTimeout(late);
        isKnown = true;
        const kill = (): void => channel.abort("it does not answer");
        resolve({ hello: message, send: (out) => channel.send(out), ended, kill });
      },
      onClose: (error) => {
        onEnded();
        const why = error?.message ?? "it closed the link";
        if (isKnown) onGone(why);
        else broken(why);
      },
    });
  });
}
