import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { messageOf } from "../../../model/errors.ts";
import { type AgentNames, greetAgent } from "../../link/greet.ts";
import { encryption } from "../../link/meeting.ts";

export interface ListenOptions {
  /** Address to listen on; null = all of this machine's. */
  readonly bind: string | null;
  readonly secret: string;
  readonly isEncrypted: boolean;
  /** Says why an agent that proved itself is not let in, or null. */
  readonly admit: (names: AgentNames) => string | null;
  /** Called for each agent that is let in. */
  readonly onAgent: (socket: Socket, names: AgentNames) => void;
  /** Somebody came who was not let in. */
  readonly onStranger: (from: string, why: string) => void;
}

export interface Listener {
  readonly port: number;
  close(): void;
}

/** Listens for node agents. Throws the system's error where it cannot. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { secret, bind, isEncrypted, onStranger } = options;
  const receive = (socket: Socket): void => {
    const from = socket.remoteAddress ?? "somewhere";
    socket.setNoDelay(true);
    // The channel listens later, and an error that nobody hears ends the process.
    socket.on("error", () => {});
    greetAgent(socket, secret, options.admit).then(
      (names) => options.onAgent(socket, names),
      (error: unknown) => {
        onStranger(from, messageOf(error));
        socket.end();
        setTimeout(() => socket.destroy(), 1000).unref();
      },
    );
  };
  const server = isEncrypted ? encrypted(secret, receive, onStranger) : createServer(receive);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // Thousands of agents come within a second.
    server.listen({ port: 0, backlog: 8192, ...(bind === null ? {} : { host: bind }) }, resolve);
  });
  server.on("error", (error) => onStranger("the listener", messageOf(error)));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the listener has no port");
  return { port: address.port, close: () => void server.close() };
}

function encrypted(secret: string, receive: (socket: Socket) => void, onStranger: ListenOptions["onStranger"]): Server {
  const { psk, identity, ...tls } = encryption(secret);
  const pskCallback = (_: unknown, claimed: string): Buffer | null => (claimed === identity ? psk : null);
  const server = createTlsServer({ ...tls, pskCallback, handshakeTimeout: 20_000 }, receive);
  return server.on("tlsClientError", (error, socket) =>
    onStranger(socket.remoteAddress ?? "somewhere", messageOf(error)),
  );
}
