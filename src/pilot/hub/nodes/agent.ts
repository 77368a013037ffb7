import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { ConiferError } from "../../../model/errors.ts";
import { type Channel, openChannel } from "../../link/channel.ts";
import { type HubMessage, linkProtocol, type NodeHello, type NodeMessage } from "../../link/messages.ts";
import { readNodeMessage } from "../../link/read-message.ts";

export interface AgentOptions {
  /** The node agent's program. */
  readonly program: string;
  /** Workdirs lie below it. */
  readonly root: string;
  /** What the agent writes to stderr is appended there. */
  readonly logFile: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly graceSec: number;
  readonly onMessage: (message: Exclude<NodeMessage, NodeHello>) => void;
  /** Called once after the agent has said hello: its link broke or it ended, and why. */
  readonly onGone: (why: string) => void;
}

/** A node agent that has said hello. */
export interface Agent {
  readonly hello: NodeHello;
  readonly send: (message: HubMessage) => void;
  /** Resolves when its process has ended. */
  readonly ended: Promise<void>;
  /** Kills it; its reaper ends what it ran. */
  readonly kill: () => void;
}

const helloWithinMs = 30_000;

/**
 * Starts a node agent on this machine as a child process, linked by its stdin and stdout. It leads a session of its own:
 * a Ctrl-C meant for the pilot must leave the orderly end to the hub. Throws LINK_BROKEN.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { program, root, graceSec, logFile } = options;
  const log = openSync(logFile, "a", 0o600);
  const child = spawn(process.execPath, [program, JSON.stringify({ root, graceSec })], {
    env: { ...options.environment },
    detached: true,
    stdio: ["pipe", "pipe", log],
  });
  closeSync(log);
  const { stdout, stdin } = child;
  if (!stdout || !stdin) throw new ConiferError("LINK_BROKEN", { peer: program, problem: "it has no pipes" });
  const peer = `node agent ${child.pid ?? ""}`.trim();
  let exit = "it closed the link";
  const ended = new Promise<void>((resolve) => {
    child.on("error", (error) => {
      exit = error.message;
      resolve();
    });
    child.on("exit", (code, signal) => {
      exit = signal === null ? `it ended with ${code}` : `it died of ${signal}`;
      resolve();
    });
  });

  return new Promise<Agent>((resolve, reject) => {
    let isKnown = false;
    const broken = (problem: string): void => {
      clearTimeout(late);
      child.kill("SIGKILL");
      reject(new ConiferError("LINK_BROKEN", { peer, problem: `${problem}; its log is ${logFile}` }));
    };
    const late = setTimeout(() => broken(`no hello within ${helloWithinMs / 1000} s`), helloWithinMs);
    const channel: Channel<HubMessage> = openChannel<NodeMessage, HubMessage>({
      readable: stdout,
      writable: stdin,
      peer,
      read: readNodeMessage,
      onMessage: (message) => {
        if (message.type !== "hello") return options.onMessage(message);
        if (message.protocol !== linkProtocol)
          return broken(`it speaks version ${message.protocol} of the protocol, this pilot ${linkProtocol}`);
        clearTimeout(late);
        isKnown = true;
        resolve({
          hello: message,
          send: (out) => channel.send(out),
          ended,
          kill: () => child.kill("SIGKILL"),
        });
      },
      onClose: () => {
        // A moment later its exit status says more than the end of the link.
        void Promise.race([ended, new Promise((later) => setTimeout(later, 500))]).then(() => {
          child.kill("SIGKILL");
          if (isKnown) options.onGone(exit);
          else broken(exit);
        });
      },
    });
  });
}
