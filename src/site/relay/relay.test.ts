import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { type TestServer, testServer } from "../../../test/setup/server.ts";
import { type Access, openClient } from "../../client/client.ts";
import { siteLayout } from "../directory/layout.ts";
import { settingsSchema } from "../settings/schema.ts";
import { needsRelay, openServerRelay } from "./relay.ts";

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A server on loopback, and what a relay to it is made of. */
async function place() {
  const server: TestServer = await testServer();
  await server.http.listen({ port: 0, host: "127.0.0.1" });
  const { port } = server.http.server.address() as AddressInfo;
  const directory = await mkdtemp(join(tmpdir(), "conifer-relay-"));
  closing.push(async () => {
    server.http.server.closeAllConnections();
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
  const access: Access = { address: `http://127.0.0.1:${port}`, token: server.ann.token, fingerprint: null };
  const settings = settingsSchema.parse({ pilot: { relayHost: "127.0.0.1" } });
  const log = pino({ enabled: false });
  return { access, parts: { layout: siteLayout(directory), settings, access: () => access, log } };
}

test("a pilot reaches a server on loopback through the agent, over TLS with a pinned certificate", async () => {
  const { access, parts } = await place();
  await using relay = await openServerRelay(parts);
  await using client = openClient({ ...access, address: relay.address, fingerprint: relay.fingerprint });
  expect(await client.call("health")).toMatchObject({ ok: true });
  await client.call("siteCreate", { body: { name: "there", path: "/there" } });
  const stop = new AbortController();
  for await (const { event } of client.stream("/events/stream", { signal: stop.signal })) {
    expect(event).toBe("open");
    stop.abort();
  }
  await using other = openClient({ ...access, address: relay.address, fingerprint: "ab".repeat(32) }, { retries: 0 });
  await expect(other.call("health")).rejects.toMatchObject({ code: "FINGERPRINT_MISMATCH" });
});

test("the relay is the same one after a restart of the agent, and knows no token by itself", async () => {
  const { access, parts } = await place();
  const first = await openServerRelay(parts);
  await first[Symbol.asyncDispose]();
  await using second = await openServerRelay(parts);
  expect([second.address, second.fingerprint]).toEqual([first.address, first.fingerprint]);
  await using stranger = openClient({ ...second, token: "cnf_wrong" }, { retries: 0 });
  await expect(stranger.call("siteList")).rejects.toMatchObject({ code: "NOT_LOGGED_IN" });
  await using known = openClient({ ...second, token: access.token });
  expect(await known.call("siteList")).toEqual({ items: [] });
});

test("a server that is away is an outage to the pilot, not an end of the relay", async () => {
  const { access, parts } = await place();
  let target = { ...access, address: "http://127.0.0.1:1" };
  await using relay = await openServerRelay({ ...parts, access: () => target });
  await using client = openClient(
    { ...access, address: relay.address, fingerprint: relay.fingerprint },
    { retries: 0 },
  );
  await expect(client.call("health")).rejects.toMatchObject({ code: "SERVER_UNREACHABLE" });
  target = access;
  expect(await client.call("health")).toMatchObject({ ok: true });
});

test("pilots on other machines need the relay where the server listens on this one alone, unless told otherwise", () => {
  const settings = (kind: string, reach = "auto") => settingsSchema.parse({ scheduler: { kind }, pilot: { reach } });
  expect(needsRelay(settings("slurm"), "http://127.0.0.1:80")).toBe(true);
  expect(needsRelay(settings("slurm"), "unix:/run/conifer.sock")).toBe(true);
  expect(needsRelay(settings("slurm"), "https://login1:443")).toBe(false);
  expect(needsRelay(settings("slurm", "relay"), "https://login1:443")).toBe(true);
  expect(needsRelay(settings("slurm", "direct"), "http://localhost:80")).toBe(false);
  expect(needsRelay(settings("local"), "http://localhost:80")).toBe(false);
});
