/**
 * The agent's relay: pilots on nodes that cannot reach the server speak to it instead, over TLS with a pinned certificate,
 * and it hands their bytes on. It reads none of them: a pilot's token is the server's business.
 */
import { once } from "node:events";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { pipeline } from "node:stream/promises";
import { createServer, type TLSSocket } from "node:tls";
import { z } from "zod";
import type { Access } from "../../client/client.ts";
import { isLoopback, parseAddress } from "../../client/transport/address.ts";
import { openSocket } from "../../client/transport/connection.ts";
import { messageOf } from "../../model/errors.ts";
import { readJsonFile, writeJsonFile } from "../../platform/files/json-file.ts";
import { ensureTls } from "../../platform/tls/own-certificate.ts";
import { findAgent } from "../agent/lock.ts";
import type { AgentLog } from "../agent/log.ts";
import type { SiteLayout } from "../directory/layout.ts";
import type { Settings } from "../settings/schema.ts";

export type ServerRelay = AsyncDisposable & {
  /** What pilots are given instead of the server's address and fingerprint. */
  readonly address: string;
  readonly fingerprint: string;
};

export type RelayParts = {
  readonly layout: SiteLayout;
  readonly settings: Pick<Settings, "pilot">;
  /** The way to the server, as it is now. */
  readonly access: () => Access;
  readonly log: AgentLog;
};

/** Whether a site's pilots reach the server through its agent. */
export function needsRelay({ scheduler, pilot }: Pick<Settings, "scheduler" | "pilot">, address: string): boolean {
  if (pilot.reach !== "auto") return pilot.reach === "relay";
  const target = parseAddress(address);
  return scheduler.kind !== "local" && (target.kind === "unix" || isLoopback(target.host));
}

/** Where the agent's relay is or was last; null where there never was one. */
export async function relayAccess({
  layout,
  settings,
}: Pick<RelayParts, "layout" | "settings">): Promise<Pick<ServerRelay, "address" | "fingerprint"> | null> {
  const last = await readJsonFile(layout.relay, portSchema);
  if (last === null) return null;
  const host = settings.pilot.relayHost ?? (await findAgent(layout))?.host ?? hostname();
  const { fingerprint } = await ensureTls(layout.run, host);
  return { address: addressOf(host, last.port), fingerprint };
}

const addressOf = (host: string, port: number): string => `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;

/** Listens on all interfaces, at the port of the last time where it can: pilots of an earlier agent look for it there. */
export async function openServerRelay({ layout, settings, access, log }: RelayParts): Promise<ServerRelay> {
  const host = settings.pilot.relayHost ?? hostname();
  const { key, cert, fingerprint } = await ensureTls(layout.run, host);
  const sockets = new Set<TLSSocket>();
  const server = createServer({ key, cert }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    handOn(socket, access()).catch((error: unknown) =>
      log.debug({ problem: messageOf(error) }, "a relayed connection broke"),
    );
  });
  server.on("tlsClientError", (error) =>
    log.debug({ problem: error.message }, "a connection to the relay was no good"),
  );
  const port = await listen(server, { layout, wanted: settings.pilot.relayPort, log });
  const address = addressOf(host, port);
  log.info({ address }, "relaying to the server for pilots");
  return {
    address,
    fingerprint,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

async function handOn(socket: TLSSocket, { address, fingerprint }: Access): Promise<void> {
  socket.on("error", () => socket.destroy());
  const server = await openSocket(address, fingerprint).catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
  // A pipeline that ends where it began listens to both more often than Node takes for sound.
  for (const end of [socket, server]) end.setMaxListeners(32);
  await pipeline(socket, server, socket);
}

const portSchema = z.object({ port: z.int() });

async function listen(
  server: ReturnType<typeof createServer>,
  { layout, wanted, log }: { readonly layout: SiteLayout; readonly wanted: number | null; readonly log: AgentLog },
): Promise<number> {
  const last = wanted === null ? ((await readJsonFile(layout.relay, portSchema))?.port ?? 0) : wanted;
  const attempt = async (port: number): Promise<void> => {
    server.listen(port);
    await once(server, "listening");
  };
  await attempt(last).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "EADDRINUSE" || wanted !== null || last === 0) throw error;
    log.warn(
      { port: last },
      "the port of the relay is taken: pilots that run already cannot reach the server any more",
    );
    await attempt(0);
  });
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : last;
  await writeJsonFile(layout.relay, { port });
  return port;
}
