import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { messageOf } from "../../model/errors.ts";
import { type AgentNames, greetHub, Refused } from "../link/greet.ts";
import { encryption, type Meeting } from "../link/meeting.ts";

const tryForMs = 60_000;
const connectWithinMs = 10_000;

/**
 * Connects to the hub by the first of its addresses that works and makes sure that it is the hub. Tries for a minute: a listener may be
 * overrun when thousands of agents start at once. Throws Refused at once, else what went wrong last.
 */
export async function connectToHub(meeting: Meeting, names: AgentNames, log: (line: string) => void): Promise<Socket> {
  const giveUpAt = performance.now() + tryForMs;
  for (let round = 1; ; round += 1) {
    let problem = "it has no address";
    for (const address of meeting.addresses) {
      try {
        return await reach(meeting, address, names);
      } catch (error) {
        if (error instanceof Refused) throw error;
        problem = `${address} port ${meeting.port}: ${messageOf(error)}`;
        log(`the hub is not reached at ${problem}`);
      }
    }
    if (performance.now() > giveUpAt) throw new Error(`the hub cannot be reached; last tried ${problem}`);
    await new Promise((resolve) => setTimeout(resolve, Math.min(5000, 200 * round) * (0.5 + Math.random())));
  }
}

async function reach({ port, secret, isEncrypted }: Meeting, address: string, names: AgentNames): Promise<Socket> {
  const socket = isEncrypted ? encryptedTo(address, port, secret) : connectTcp({ host: address, port });
  socket.setNoDelay(true);
  try {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("no answer")), connectWithinMs);
      socket.once(isEncrypted ? "secureConnect" : "connect", () => {
        clearTimeout(late);
        resolve();
      });
      socket.on("error", (error) => {
        clearTimeout(late);
        reject(error);
      });
    });
    await greetHub(socket, secret, names);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function encryptedTo(host: string, port: number, secret: string): Socket {
  const { psk, identity, ...tls } = encryption(secret);
  // The key is proof enough of who answers: there is no certificate to look at.
  return connectTls({
    host,
    port,
    ...tls,
    pskCallback: () => ({ psk, identity }),
    checkServerIdentity: () => undefined,
  });
}
