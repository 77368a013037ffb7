import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { ConiferError } from "../../model/errors.ts";
import { parseAddress } from "./address.ts";

/** What makes requests to one server over kept-alive connections. */
export type Connection = {
  readonly request: (options: http.RequestOptions) => http.ClientRequest;
  readonly close: () => void;
};

/**
 * Opens nothing yet: connections are made by requests and kept for the next ones. With a fingerprint the server's
 * certificate must have it; that is checked once the TLS handshake is done and before a request is given the
 * connection, so not one byte of a request reaches another server.
 */
export function makeConnection(address: string, fingerprint: string | null): Connection {
  const target = parseAddress(address);
  const keep = { keepAlive: true, keepAliveMsecs: 15_000 };
  if (target.kind === "https") {
    const agent = new https.Agent(keep);
    if (fingerprint !== null) agent.createConnection = pinned(address, normalize(fingerprint));
    const { host, port } = target;
    return {
      request: (options) => https.request({ ...options, agent, host, port }),
      close: () => agent.destroy(),
    };
  }
  const agent = new http.Agent(keep);
  const where = target.kind === "unix" ? { socketPath: target.path } : { host: target.host, port: target.port };
  return { request: (options) => http.request({ ...options, ...where, agent }), close: () => agent.destroy() };
}

/** SHA-256 of a certificate as 64 lower-case hex digits, however it is written. */
export function normalize(fingerprint: string): string {
  return fingerprint
    .replace(/^sha256:/i, "")
    .replaceAll(":", "")
    .toLowerCase();
}

/** The fingerprint a server shows, asked for without sending it anything; for `login`, which pins it. */
export async function askFingerprint(address: string, timeoutMs = 10_000): Promise<string> {
  const target = parseAddress(address);
  if (target.kind !== "https")
    throw new ConiferError("BAD_INPUT", { where: `address ${address}`, problem: "only https has a certificate" });
  const { host, port } = target;
  return new Promise((resolve, reject) => {
    const unreachable = (problem: string, cause?: unknown) =>
      reject(new ConiferError("SERVER_UNREACHABLE", { address, problem }, { cause }));
    const socket = tls.connect({ host, port, rejectUnauthorized: false, ...serverName(host) }, () => {
      resolve(normalize(socket.getPeerCertificate().fingerprint256));
      socket.end();
    });
    socket.setTimeout(timeoutMs, () => {
      socket.destroy();
      unreachable("no connection in time");
    });
    socket.on("error", (cause) => unreachable(cause.message, cause));
  });
}

/** A connection for raw bytes, checked as those of requests are; for a relay. */
export async function openSocket(address: string, fingerprint: string | null): Promise<Duplex> {
  const target = parseAddress(address);
  if (target.kind === "https") return openTls(address, target, fingerprint);
  const socket = net.connect(target.kind === "unix" ? { path: target.path } : { host: target.host, port: target.port });
  await once(socket, "connect");
  return socket;
}

const HANDSHAKE_MS = 10_000;
type Connected = (error: Error | null, socket?: Duplex) => void;

function pinned(address: string, expected: string): https.Agent["createConnection"] {
  return (options, callback) => {
    const done = callback as Connected | undefined;
    const target = { host: String(options.host ?? ""), port: Number(options.port) };
    openTls(address, target, expected).then(
      (socket) => done?.(null, socket),
      (error) => done?.(error),
    );
    return undefined;
  };
}

/** With a fingerprint that decides, without one the system's authorities do. */
async function openTls(
  address: string,
  { host, port }: { readonly host: string; readonly port: number },
  fingerprint: string | null,
): Promise<Duplex> {
  const socket = tls.connect({ host, port, rejectUnauthorized: fingerprint === null, ...serverName(host) });
  socket.setTimeout(HANDSHAKE_MS, () => socket.destroy(new Error("no TLS handshake in time")));
  await once(socket, "secureConnect");
  socket.setTimeout(0);
  if (fingerprint === null) return socket;
  const got = normalize(socket.getPeerCertificate().fingerprint256 ?? "");
  const expected = normalize(fingerprint);
  if (got === expected) return socket;
  socket.destroy();
  throw new ConiferError("FINGERPRINT_MISMATCH", { address, got, expected });
}

/** TLS forbids a bare IP address as a server name. */
function serverName(host: string): { servername?: string } {
  return /^[\d.]+$|:/.test(host) ? { servername: "" } : { servername: host };
}
