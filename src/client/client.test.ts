import http from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConiferError } from "../model/errors.ts";
import { type Client, openClient } from "./client.ts";
import type { Clock } from "./clock.ts";

type Handler = (request: http.IncomingMessage, response: http.ServerResponse, body: string) => void;

let handler: Handler;
let server: http.Server;
let address: string;
let client: Client;
let seen: { method: string; url: string; headers: http.IncomingHttpHeaders; body: string }[];
let sockets: Set<Socket>;
const waits: number[] = [];
/** Waits for nothing, but notes how long it would have. */
const clock: Clock = {
  now: Date.now,
  random: () => 0.5,
  sleep: async (ms) => {
    waits.push(ms);
    await new Promise((resolve) => setImmediate(resolve));
  },
};

beforeEach(async () => {
  seen = [];
  sockets = new Set();
  waits.length = 0;
  handler = (_request, response) => response.end("{}");
  server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      handler(request, response, body);
    });
  });
  server.on("connection", (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = openClient({ address, token: "secret", fingerprint: null }, { clock });
});
afterEach(async () => {
  await client[Symbol.asyncDispose]();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const problem = (response: http.ServerResponse, status: number, code: string, values: object = {}) => {
  response.writeHead(status, { "content-type": "application/problem+json" });
  response.end(JSON.stringify({ type: "about:blank", title: code, status, code, detail: "", hint: "", values }));
};
const codeOf = async (call: Promise<unknown>) =>
  call.then(
    () => "answered",
    (error) => (error instanceof ConiferError ? error.code : String(error)),
  );

describe("a call", () => {
  test("fills path and query, sends the token and reads the answer", async () => {
    handler = (_request, response) => response.end('{"items":[],"next":null,"total":null}');
    const page = await client.call("jobList", { query: { where: ["state=FAILED", "tags.a=b c"], limit: 5 } });
    expect(page.items).toEqual([]);
    expect(seen[0]?.url).toBe("/jobs?where=state%3DFAILED&where=tags.a%3Db+c&limit=5");
    expect(seen[0]?.headers.authorization).toBe("Bearer secret");
    await client.call("jobGet", { params: { id: 7 } });
    expect(seen[1]?.url).toBe("/jobs/7");
  });

  test("keeps its connection for the next call", async () => {
    for (let index = 0; index < 5; index += 1) await client.call("health");
    expect(sockets.size).toBe(1);
  });

  test("[B2] throws the server's error with its values and never repeats a 4xx", async () => {
    handler = (_request, response) => problem(response, 404, "NOT_FOUND", { kind: "job", name: 9, list: "job" });
    const error = await client.call("jobGet", { params: { id: 9 } }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "NOT_FOUND", message: "There is no job 9", exitCode: 3 });
    handler = (_request, response) => problem(response, 401, "NOT_LOGGED_IN");
    expect(await codeOf(client.call("whoami"))).toBe("NOT_LOGGED_IN");
    expect(seen).toHaveLength(2);
  });

  test("is repeated after 503 with growing waits, as often as allowed and no more", async () => {
    handler = (_request, response) => problem(response, 503, "SERVER_BUSY", { problem: "starting" });
    expect(await codeOf(client.call("status"))).toBe("SERVER_BUSY");
    expect(seen).toHaveLength(6);
    expect(waits).toEqual([75, 150, 300, 600, 1200]);
  });

  test("waits as long as Retry-After says", async () => {
    handler = (_request, response) => {
      handler = (_again, second) => second.end("{}");
      response.setHeader("retry-after", "7");
      problem(response, 503, "SERVER_BUSY");
    };
    await client.call("status");
    expect(waits).toEqual([7000]);
  });

  test("whose connection is cut is sent again with the same key, where it has one", async () => {
    handler = (request, response) => {
      if (seen.length < 3) request.socket.destroy();
      else response.end('{"ids":[1]}');
    };
    const answer = await client.call("jobCreate", { body: { jobs: [{ app: "a" }] } });
    expect(answer.ids).toEqual([1]);
    expect(new Set(seen.map((one) => one.headers["idempotency-key"])).size).toBe(1);
    expect(seen).toHaveLength(3);
  });

  test("[B10] without a key is not sent again once the server may have seen it", async () => {
    handler = (request) => request.socket.destroy();
    expect(await codeOf(client.call("jobKill", { body: { ids: [1] } }))).toBe("SERVER_UNREACHABLE");
    expect(seen).toHaveLength(1);
  });

  test("cut off inside its answer counts as no answer", async () => {
    handler = (request, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write('{"ids":');
      setImmediate(() => request.socket.destroy());
    };
    expect(await codeOf(client.call("jobKill", { body: { ids: [1] } }))).toBe("SERVER_UNREACHABLE");
    expect(seen).toHaveLength(1);
  });

  test("to nobody is tried again even without a key, since nothing was sent", async () => {
    const gone = openClient({ address: "http://127.0.0.1:1", token: "t", fingerprint: null }, { clock, retries: 2 });
    const error = await gone.call("jobKill", { body: { ids: [1] } }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "SERVER_UNREACHABLE" });
    expect(error.message).toContain("the connection was refused");
    expect(waits).toHaveLength(2);
  });

  test("is not repeated where its caller says so", async () => {
    handler = (request) => request.socket.destroy();
    expect(await codeOf(client.call("status", { retry: false }))).toBe("SERVER_UNREACHABLE");
    expect(seen).toHaveLength(1);
  });

  test("stops when its signal aborts", async () => {
    handler = () => abort.abort(new Error("enough"));
    const abort = new AbortController();
    await expect(client.call("status", { signal: abort.signal })).rejects.toThrow("enough");
    expect(seen).toHaveLength(1);
  });

  test("that gets no answer in time fails", async () => {
    handler = () => undefined;
    const error = await client.call("jobKill", { body: { ids: [1] }, timeoutSec: 0.05 }).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "SERVER_UNREACHABLE" });
    expect(error.message).toContain("no answer after 0.05 s");
  });

  test("answered with something else than JSON says so", async () => {
    handler = (_request, response) => response.end("<html>");
    expect(await codeOf(client.call("status"))).toBe("BAD_ANSWER");
    handler = (_request, response) => {
      response.writeHead(502).end("bad gateway");
    };
    expect(await codeOf(client.call("status"))).toBe("BAD_ANSWER");
  });
});

describe("a stream", () => {
  const events = (response: http.ServerResponse) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    return {
      send: (event: string, data: unknown) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
    };
  };

  test("yields open and its events, and connects again when it is cut", async () => {
    const abort = new AbortController();
    handler = (request, response) => {
      const stream = events(response);
      stream.send("job", { n: seen.length });
      if (seen.length < 3) setImmediate(() => request.socket.end());
    };
    const got: string[] = [];
    for await (const { event, data } of client.stream("/events/stream", { signal: abort.signal })) {
      got.push(event === "open" ? "open" : `${event} ${JSON.stringify(data)}`);
      if (got.length === 6) abort.abort();
    }
    expect(got).toEqual(["open", 'job {"n":1}', "open", 'job {"n":2}', "open", 'job {"n":3}']);
    expect(seen[0]?.headers.accept).toBe("text/event-stream");
  });

  test("reads events and characters that come in pieces", async () => {
    const abort = new AbortController();
    const bytes = Buffer.from('event: a\ndata: {"name":"Grüße"}\n\n');
    handler = (_request, response) => {
      events(response);
      let at = 0;
      const one = () => {
        if (at >= bytes.length) return;
        response.write(bytes.subarray(at, at + 1));
        at += 1;
        setImmediate(one);
      };
      one();
    };
    for await (const { event, data } of client.stream("/x", { signal: abort.signal })) {
      if (event === "open") continue;
      expect(data).toEqual({ name: "Grüße" });
      abort.abort();
    }
    expect.assertions(1);
  });

  test("ends with an error on a 4xx and waits out a 503", async () => {
    handler = (_request, response) => {
      if (seen.length < 3) problem(response, 503, "SERVER_BUSY", { problem: "starting" });
      else problem(response, 410, "SESSION_GONE", { session: 3, reason: "lease" });
    };
    const read = async () => {
      for await (const _ of client.stream("/sessions/3/commands", { signal: new AbortController().signal }));
    };
    await expect(read()).rejects.toMatchObject({ code: "SESSION_GONE" });
    expect(seen).toHaveLength(3);
    expect(waits).toEqual([75, 150]);
  });

  test("silent for too long is taken for dead", async () => {
    const quick = openClient({ address, token: "t", fingerprint: null }, { clock, streamSilenceSec: 0.05 });
    const abort = new AbortController();
    handler = (_request, response) => {
      events(response);
      response.flushHeaders();
    };
    let opened = 0;
    for await (const { event } of quick.stream("/x", { signal: abort.signal })) {
      if (event === "open") opened += 1;
      if (opened === 3) abort.abort();
    }
    expect(opened).toBe(3);
  });

  test("ends when its client closes", async () => {
    handler = (_request, response) => events(response).send("a", 1);
    const got: string[] = [];
    for await (const { event } of client.stream("/x", { signal: new AbortController().signal })) {
      got.push(event);
      if (event === "a") await client[Symbol.asyncDispose]();
    }
    expect(got).toEqual(["open", "a"]);
  });
});

test("a unix socket carries calls and streams", async () => {
  const { mkdtemp } = await import("node:fs/promises");
  const { tmpdir } = await import("node:os");
  const path = `${await mkdtemp(`${tmpdir()}/conifer-`)}/relay.sock`;
  const local = http.createServer((_request, response) => response.end('{"ok":true,"version":"x"}'));
  await new Promise<void>((resolve) => local.listen(path, resolve));
  await using over = openClient({ address: `unix:${path}`, token: "t", fingerprint: null });
  expect(await over.call("health")).toEqual({ ok: true, version: "x" });
  local.closeAllConnections();
  await new Promise((resolve) => local.close(resolve));
});
