import { ConiferError } from "../../model/errors.ts";

/** A server's address, read. */
export type Target =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "http" | "https"; readonly host: string; readonly port: number };

/** Reads `http://HOST:PORT`, `https://HOST:PORT` or `unix:/path/to.sock`; throws BAD_INPUT. */
export function parseAddress(address: string): Target {
  const fail = (problem: string): never => {
    throw new ConiferError("BAD_INPUT", { where: `address ${address}`, problem });
  };
  if (address.startsWith("unix:")) {
    const path = address.slice("unix:".length);
    return path.startsWith("/") ? { kind: "unix", path } : fail("a socket's path is absolute");
  }
  if (!URL.canParse(address)) return fail("write http://HOST:PORT, https://HOST:PORT or unix:/PATH");
  const url = new URL(address);
  if (url.protocol !== "http:" && url.protocol !== "https:") return fail("it is neither http, https nor unix");
  if (url.pathname !== "/" || url.search !== "" || url.username !== "") return fail("only scheme, host and port");
  const kind = url.protocol === "http:" ? "http" : "https";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return { kind, host, port: url.port === "" ? (kind === "http" ? 80 : 443) : Number(url.port) };
}

/** Whether only this machine can reach a host by this name or address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
