import http from "node:http";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { generate } from "selfsigned";
import { expect, test } from "vitest";
import { openClient } from "../client.ts";
import { parseAddress } from "./address.ts";
import { askFingerprint, normalize } from "./connection.ts";

async function startTls() {
  const pems = await generate([{ name: "commonName", value: "conifer" }]);
  const requests: string[] = [];
  let bytes = 0;
  const server = https.createServer({ key: pems.private, cert: pems.cert }, (request, response) => {
    requests.push(request.url ?? "");
    response.end('{"ok":true,"version":"x"}');
  });
  server.on("secureConnection", (socket) => socket.on("data", (chunk) => (bytes += chunk.length)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    bytes: () => bytes,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("a pinned certificate opens a connection that is kept", async () => {
  await using server = await startTls();
  const fingerprint = await askFingerprint(server.address);
  expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
  await using client = openClient({ address: server.address, token: "t", fingerprint });
  await client.call("health");
  await client.call("health");
  expect(server.requests).toEqual(["/health", "/health"]);
});

test("another certificate than the pinned one is refused before a byte of the request is sent", async () => {
  await using server = await startTls();
  await using client = openClient({ address: server.address, token: "secret", fingerprint: "ab".repeat(32) });
  await expect(client.call("health")).rejects.toMatchObject({ code: "FINGERPRINT_MISMATCH", exitCode: 4 });
  const stream = client.stream("/events/stream", { signal: new AbortController().signal });
  await expect(stream.next()).rejects.toMatchObject({ code: "FINGERPRINT_MISMATCH" });
  expect(server.requests).toEqual([]);
  expect(server.bytes()).toBe(0);
});

test("without a fingerprint a certificate that nobody vouches for is refused", async () => {
  await using server = await startTls();
  await using client = openClient({ address: server.address, token: "t", fingerprint: null }, { retries: 0 });
  await expect(client.call("health")).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
  expect(server.requests).toEqual([]);
});

test("a fingerprint may be written with colons, capitals and a prefix", () => {
  expect(normalize("SHA256:AB:CD")).toBe("abcd");
});

test("addresses name a host and port or a socket, and nothing else", () => {
  expect(parseAddress("http://127.0.0.1:80")).toEqual({ kind: "http", host: "127.0.0.1", port: 80 });
  expect(parseAddress("https://[::1]:9")).toEqual({ kind: "https", host: "::1", port: 9 });
  expect(parseAddress("unix:/run/x.sock")).toEqual({ kind: "unix", path: "/run/x.sock" });
  for (const bad of ["", "host:80", "ftp://h", "http://h/path", "unix:rel", "http://u:p@h"])
    expect(() => parseAddress(bad), bad).toThrow(expect.objectContaining({ code: "BAD_INPUT" }));
});

test("a connection that never opens is given up", async () => {
  // A socket that accepts and then says nothing: TLS never completes.
  const silent = net.createServer();
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const address = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  await using client = openClient({ address, token: "t", fingerprint: "ab".repeat(32) }, { retries: 0 });
  const error = await client.call("health", { timeoutSec: 0.1 }).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: "SERVER_UNREACHABLE" });
  silent.close();
});

test("plain http stays plain", async () => {
  const server = http.createServer((_request, response) => response.end('{"ok":true,"version":"x"}'));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(askFingerprint(address)).rejects.toMatchObject({ code: "BAD_INPUT" });
  server.close();
});
