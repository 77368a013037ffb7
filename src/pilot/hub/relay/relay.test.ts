import { existsSync, mkdirSync, mkdtempSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { type Client, openClient } from "../../../client/client.ts";
import { openRelay, type Relay } from "./relay.ts";
import { routeOf } from "./routes.ts";

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly token: string;
  readonly key: string | undefined;
  readonly body: unknown;
}
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Answer = (seen: Seen, response: ServerResponse) => void;

/** A relay in front of a server that speaks HTTP and writes down what it is asked. */
async function start(answer: Answer = (_seen, response) => response.end('{"ids":[7]}'), directory?: string) {
  const seen: Seen[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const { method = "", url = "", headers } = request;
    const one = {
      method,
      url,
      token: headers.authorization ?? "",
      key: headers["idempotency-key"] as string | undefined,
      body: text === "" ? undefined : JSON.parse(text),
    };
    seen.push(one);
    answer(one, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pilot = openClient({ address, token: "the pilot's own", fingerprint: null });
  const relay = await openRelay(pilot, directory ?? mkdtempSync(join(tmpdir(), "conifer-relay-test-")));
  closing.push(() => relay.close());
  return { relay, seen };
}

function asJob(relay: Relay, job = 12, attempt = 1): Client {
  const { address, token } = relay.grant(job, attempt);
  const client = openClient({ address, token, fingerprint: null }, { retries: 0 });
  closing.push(async () => client[Symbol.asyncDispose]());
  return client;
}

test("a running job makes jobs with the pilot's access, and they carry who made them", async () => {
  const { relay, seen } = await start();
  const job = asJob(relay);
  const body = { jobs: [{ app: "a", data: { x: 1 } }, { app: "b" }] };
  expect(await job.call("jobCreate", { body, idempotencyKey: "k1" })).toEqual({ ids: [7] });
  expect(seen).toEqual([
    {
      method: "POST",
      url: "/jobs",
      token: "Bearer the pilot's own",
      key: "k1",
      body: {
        jobs: [
          { app: "a", data: { x: 1, createdBy: 12 } },
          { app: "b", data: { createdBy: 12 } },
        ],
      },
    },
  ]);
});

test("queries pass unchanged, also where a name is repeated", async () => {
  const { relay, seen } = await start((_seen, response) => response.end('{"items":[],"next":null,"total":null}'));
  await asJob(relay).call("jobList", { query: { where: ["state=FAILED", "tags.a=b c&d"], limit: 5 } });
  const url = new URL(seen[0]?.url ?? "", "http://x");
  expect(url.searchParams.getAll("where")).toEqual(["state=FAILED", "tags.a=b c&d"]);
  expect(url.searchParams.get("limit")).toBe("5");
});

test("a token is worth nothing once its attempt has ended", async () => {
  const { relay, seen } = await start();
  const job = asJob(relay, 12, 1);
  await job.call("jobGet", { params: { id: 3 } });
  relay.revoke(12, 1);
  await expect(job.call("jobGet", { params: { id: 3 } })).rejects.toMatchObject({ code: "NOT_LOGGED_IN" });
  expect(seen).toHaveLength(1);
});

test("the next attempt's token does not bring the earlier one's back", async () => {
  const { relay } = await start();
  const first = asJob(relay, 12, 1);
  relay.revoke(12, 1);
  const second = asJob(relay, 12, 2);
  await second.call("jobGet", { params: { id: 3 } });
  await expect(first.call("jobGet", { params: { id: 3 } })).rejects.toMatchObject({ code: "NOT_LOGGED_IN" });
});

test("a job may not touch what is not a job", async () => {
  const { relay, seen } = await start();
  const job = asJob(relay);
  await expect(job.call("siteDelete", { params: { id: 1 } })).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(job.call("tokenCreate", { body: {} })).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(job.call("sessionHeartbeat", { params: { id: 1 }, body: {} })).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
  expect(seen).toEqual([]);
});

test("what a job sends that does not read is refused here, what the server refuses comes back as it said it", async () => {
  const { relay } = await start((_seen, response) => {
    response.writeHead(422, { "content-type": "application/problem+json" });
    const values = { where: "jobs.0", problem: "bad" };
    response.end(
      JSON.stringify({ type: "about:blank", title: "", status: 422, code: "BAD_INPUT", detail: "", values }),
    );
  });
  await expect(asJob(relay).call("jobCreate", { body: { jobs: [{ app: "a" }] } })).rejects.toMatchObject({
    code: "BAD_INPUT",
    values: { where: "jobs.0" },
  });
});

test("events of the server reach the job, and end with its attempt", async () => {
  const { relay } = await start((_seen, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write('event: jobs\ndata: {"kind":"jobs","siteId":1}\n\n');
  });
  const job = asJob(relay);
  const stop = new AbortController();
  const events = job.stream("/events/stream", { signal: stop.signal });
  expect((await events.next()).value).toEqual({ event: "open", data: null });
  expect((await events.next()).value).toEqual({ event: "jobs", data: { kind: "jobs", siteId: 1 } });
  relay.revoke(12, 1);
  await expect(events.next()).rejects.toMatchObject({ code: "NOT_LOGGED_IN" });
  stop.abort();
});

test("only the pilot's user can open the socket, and a long path does not keep it from opening", async () => {
  const { relay } = await start();
  expect(statSync(relay.address.slice("unix:".length)).mode & 0o777).toBe(0o600);
  const deep = join(mkdtempSync(join(tmpdir(), "conifer-relay-test-")), "d".repeat(120));
  mkdirSync(deep);
  const { relay: far } = await start(undefined, deep);
  const path = far.address.slice("unix:".length);
  expect(Buffer.byteLength(path)).toBeLessThan(108);
  await asJob(far).call("jobGet", { params: { id: 3 } });
  await far.close();
  expect(existsSync(path)).toBe(false);
});

test("paths are matched as a whole", () => {
  expect(routeOf("GET", "/jobs/12")).toEqual({ name: "jobGet", id: 12 });
  expect(routeOf("GET", "/jobs/12/history")).toEqual({ name: "jobHistory", id: 12 });
  expect(routeOf("GET", "/jobs/counts")).toEqual({ name: "jobCounts", id: null });
  for (const path of ["/jobs/12/tree", "/jobs/0", "/jobs/1x", "/jobs/../sites", "/jobs/12/history/", "/job", ""])
    expect(routeOf("GET", path), path).toBeNull();
  expect(routeOf("DELETE", "/jobs/12")).toBeNull();
  expect(routeOf("POST", "/jobs/delete")).toBeNull();
});
