/** The server as its users meet it: a directory, a port, a process that may be killed. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FreshPlace, freshPlace, testEngine } from "../../test/setup/databases.ts";
import { readServerDirectory } from "../client/access.ts";
import { type Client, openClient } from "../client/client.ts";
import { startServer } from "./index.ts";

let directory: string;
let place: FreshPlace;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "conifer-server-"));
  place = await placeIn(directory);
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
  await place[Symbol.asyncDispose]();
});

/** A fresh database where a server of this directory looks for it. */
async function placeIn(server: string): Promise<FreshPlace> {
  const fresh = await freshPlace();
  if (fresh.options.kind === "pglite") await cp(fresh.options.directory, join(server, "pgdata"), { recursive: true });
  return fresh;
}

const options = () => ({ directory, database: place.url, durable: false });
const mode = async (file: string): Promise<number> => (await stat(join(directory, file))).mode & 0o777;
async function connect(): Promise<Client> {
  const access = await readServerDirectory(directory);
  if (!access) throw new Error("no server wrote down its address");
  return openClient(access);
}
async function makeSite(client: Client): Promise<number> {
  const site = await client.call("siteCreate", { body: { name: "here", path: "/here" } });
  await client.call("appSync", { body: { site: site.id, apps: [{ name: "md", command: "true" }] } });
  return site.id;
}

describe(`a server (${testEngine})`, () => {
  it("writes down where it is for its owner alone, and is the same one after a restart", async () => {
    const first = await startServer(options());
    const client = await connect();
    expect(await client.call("whoami")).toMatchObject({ admin: true });
    await makeSite(client);
    expect(await Promise.all(["server.json", "owner-token", "server.log"].map(mode))).toEqual([0o600, 0o600, 0o600]);
    const { address, ownerToken } = first;
    await first[Symbol.asyncDispose]();
    await expect(stat(join(directory, "server.json"))).rejects.toThrow(/ENOENT/);
    await chmod(join(directory, "owner-token"), 0o644);
    await using second = await startServer(options());
    expect(second).toMatchObject({ address, ownerToken, fingerprint: null });
    expect(await mode("owner-token")).toBe(0o600);
    expect((await client.call("siteList")).items).toHaveLength(1);
    await client[Symbol.asyncDispose]();
    expect(await readFile(join(directory, "server.log.1"), "utf8")).toContain("the server stops");
  });

  it("refuses a second one on its directory, naming the first one's process", async () => {
    await using _first = await startServer(options());
    await expect(startServer(options())).rejects.toMatchObject({
      code: testEngine === "pglite" ? "DATABASE_LOCKED" : "ALREADY_RUNNING",
      values: expect.objectContaining({ pid: process.pid }),
    });
  });

  it("gives its owner a new token where the file was lost", async () => {
    const first = await startServer(options());
    await first[Symbol.asyncDispose]();
    await rm(join(directory, "owner-token"));
    await using second = await startServer(options());
    expect(second.ownerToken).not.toBe(first.ownerToken);
    await using client = await connect();
    expect((await client.call("userList")).items).toHaveLength(1);
  });

  it("with TLS makes its own key, keeps it, and clients pin its fingerprint", async () => {
    const first = await startServer({ ...options(), tls: true });
    expect(first.address).toMatch(/^https:/);
    expect(await mode("tls/key.pem")).toBe(0o600);
    await first[Symbol.asyncDispose]();
    await using second = await startServer({ ...options(), tls: true });
    expect(second.fingerprint).toBe(first.fingerprint);
    await using client = await connect();
    expect((await client.call("health")).ok).toBe(true);
    const wrong = { address: second.address, token: second.ownerToken, fingerprint: "ab".repeat(32) };
    await using suspicious = openClient(wrong, { retries: 0 });
    await expect(suspicious.call("health")).rejects.toMatchObject({ code: "FINGERPRINT_MISMATCH" });
  });

  it("refuses a port that is taken, and leaves its database closed behind it", async () => {
    await using first = await startServer(options());
    const other = await mkdtemp(join(tmpdir(), "conifer-server-"));
    await using second = await placeIn(other);
    const listen = `127.0.0.1:${new URL(first.address).port}`;
    const same = { directory: other, database: second.url, durable: false };
    await expect(startServer({ ...same, listen })).rejects.toMatchObject({ code: "DID_NOT_START" });
    const again = await startServer(same);
    await again[Symbol.asyncDispose]();
    // Where it was found before it does not leave: sites and pilots would look for it in vain.
    const taker = createServer().listen(Number(new URL(again.address).port), "127.0.0.1");
    await once(taker, "listening");
    await expect(startServer(same)).rejects.toThrow(/EADDRINUSE.*sites and pilots look for it there/);
    taker.close();
    await rm(other, { recursive: true });
  });

  it("stops in order: streams and waiting requests end, others are answered", async () => {
    const server = await startServer(options());
    const client = await connect();
    const site = await makeSite(client);
    const capacity = { cores: 1, gpus: 0, memoryBytes: 0 };
    const session = await client.call("sessionCreate", { body: { site, nodes: 1, capacity } });
    const response = await fetch(`${server.address}/events/stream`, {
      headers: { authorization: `Bearer ${server.ownerToken}` },
    });
    const waiting = client.call("sessionAcquire", {
      params: { id: session.id },
      body: { maxJobs: 1, free: { ...capacity, wholeNodes: 1 }, wallTimeLeftMin: null, waitSec: 60 },
    });
    const creating = client.call("jobCreate", { body: { jobs: Array.from({ length: 2_000 }, () => ({ app: "md" })) } });
    await client.call("health");
    await server[Symbol.asyncDispose]();
    expect(await response.text()).toMatch(/^: open/);
    expect((await waiting).offers.length).toBeLessThanOrEqual(1);
    expect((await creating).ids).toHaveLength(2_000);
    await client[Symbol.asyncDispose]();
  });
});

describe(`a server that is killed (${testEngine})`, () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  async function launch(): Promise<ChildProcess> {
    const flags = ["--directory", directory, ...(place.url ? ["--database", place.url] : [])];
    const child = spawn(process.execPath, ["dist/server.js", ...flags], { stdio: ["ignore", "ignore", "pipe"] });
    children.push(child);
    let said = "";
    child.stderr?.on("data", (chunk) => {
      said += chunk;
    });
    for (;;) {
      if (child.exitCode !== null) throw new Error(`the server ended: ${said}`);
      const file = await readFile(join(directory, "server.json"), "utf8").catch(() => "{}");
      if (file.endsWith("\n") && JSON.parse(file).pid === child.pid) return child;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it("in the middle of bulk creation loses nothing it acknowledged and keeps nothing half done", async () => {
    const first = await launch();
    const client = await connect();
    await makeSite(client);
    const acknowledged = new Map<string, number[]>();
    const bodies = new Map<string, { jobs: { app: string; workflow: string }[] }>();
    const send = async (worker: number): Promise<void> => {
      for (let batch = 0; ; batch += 1) {
        const key = `w${worker}-${batch}`;
        const body = { jobs: Array.from({ length: 300 }, () => ({ app: "md", workflow: key })) };
        bodies.set(key, body);
        acknowledged.set(key, (await client.call("jobCreate", { body, idempotencyKey: key, retry: false })).ids);
        if (acknowledged.size === 6) first.kill("SIGKILL");
      }
    };
    await Promise.allSettled([send(0), send(1), send(2)]);
    expect(acknowledged.size).toBeGreaterThanOrEqual(6);
    await launch();
    const again = await connect();
    const { counts } = await again.call("jobCounts", { query: { by: "workflow" } });
    for (const { key, count } of counts) expect(count, key).toBe(300);
    for (const key of acknowledged.keys()) expect(counts.map((entry) => entry.key)).toContain(key);
    // Who got no answer sends the same again and gets the same jobs, made once.
    for (const [key, body] of bodies) {
      const { ids } = await again.call("jobCreate", { body, idempotencyKey: key });
      const before = acknowledged.get(key);
      if (before) expect(ids).toEqual(before);
    }
    const after = await again.call("jobCounts", { query: { by: "workflow" } });
    expect(after.total).toBe(bodies.size * 300);
    await client[Symbol.asyncDispose]();
    await again[Symbol.asyncDispose]();
  });

  it("in the middle of updates leaves each of them whole", async () => {
    const first = await launch();
    const client = await connect();
    await makeSite(client);
    const { ids } = await client.call("jobCreate", {
      body: { jobs: Array.from({ length: 1_500 }, () => ({ app: "md" })) },
    });
    let acknowledged = 0;
    const send = async (): Promise<void> => {
      for (let priority = 1; ; priority += 1) {
        await client.call("jobUpdate", { body: { ids, set: { priority, tags: { round: String(priority) } } } });
        acknowledged = priority;
        if (priority === 3) setTimeout(() => first.kill("SIGKILL"), 5);
      }
    };
    await send().catch(() => {});
    await launch();
    const again = await connect();
    const { items } = await again.call("jobList", { query: { limit: 2_000 } });
    const rounds = new Set(items.map((job) => `${job.priority} ${job.tags.round}`));
    expect(rounds.size).toBe(1);
    expect(items[0]?.priority).toBeGreaterThanOrEqual(acknowledged);
    expect(items[0]?.tags.round).toBe(String(items[0]?.priority));
    await client[Symbol.asyncDispose]();
    await again[Symbol.asyncDispose]();
  });

  it("is refused by a wrong flag with the problem as its last line", async () => {
    const child = spawn(
      process.execPath,
      ["dist/server.js", "--directory", directory, "--listen", "0.0.0.0:0", "--no-tls"],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    children.push(child);
    let said = "";
    child.stderr?.on("data", (chunk) => {
      said += chunk;
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect(code).toBe(2);
    expect(JSON.parse(said.trim().split("\n").at(-1) ?? "")).toMatchObject({
      code: "PLAIN_LISTEN",
      values: { address: "0.0.0.0" },
    });
  });
});
