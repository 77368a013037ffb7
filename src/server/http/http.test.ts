import { createConnection } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSite, type TestServer, testServer } from "../../../test/setup/server.ts";
import { type Operation, type OperationName, operations } from "../../client/wire/operations.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
  await makeSite(server.ann, "here", [
    { name: "md", command: "true {{x}}", parameters: { x: { type: "integer", default: 1 } } },
  ]);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const post = (payload: string | Buffer, headers: Record<string, string> = {}) =>
  server.http.inject({
    method: "POST",
    url: "/jobs",
    payload,
    headers: { authorization: `Bearer ${server.ann.token}`, "content-type": "application/json", ...headers },
  });
let port: Promise<number> | undefined;
/** The server's port, opened by the first test that asks. */
const listen = (): Promise<number> => {
  port ??= server.http.listen({ host: "127.0.0.1", port: 0 }).then((address) => Number(new URL(address).port));
  return port;
};
const countJobs = async (): Promise<number> => (await server.ann.call("jobCounts")).total;

describe("requests", () => {
  it.each([
    [{ jobs: [{ app: "md" }, { app: "md", nodes: "2" }] }, 'jobs[1].nodes: expected a number, got "2"'],
    [{ jobs: [{ app: "md", nodes: 0 }] }, "jobs[0].nodes: expected at least 1, got 0"],
    [{ jobs: [{ app: "md", nodes: 1.5 }] }, "jobs[0].nodes: expected a whole number, got 1.5"],
    [{ jobs: [{}] }, "jobs[0].app: expected a value, got nothing"],
    [{ jobs: [{ app: "md", prioritty: 1 }] }, 'jobs[0]: unknown field "prioritty"'],
    [
      { jobs: [{ app: "md", parents: [{ job: 1, when: "never" }] }] },
      'jobs[0].parents[0].when: expected "ok", "any", "failed", got "never"',
    ],
    [{ jobs: [{ app: "md", tags: { a: 1 } }] }, "jobs[0].tags.a: expected a string, got 1"],
    [{ jobs: [] }, "jobs: expected at least 1 entries, got []"],
    [{ job: [] }, "jobs: expected an array, got nothing"],
    [[], "body: expected an object, got []"],
  ])("are refused with the place and what was expected: %j", async (body, problem) => {
    const answer = await post(JSON.stringify(body));
    expect(answer.statusCode).toBe(422);
    expect(answer.headers["content-type"]).toContain("application/problem+json");
    expect(answer.json()).toMatchObject({ code: "BAD_INPUT", detail: problem, status: 422 });
  });

  it.each([
    ["broken JSON", '{"jobs":['],
    ["a raw NUL byte", '{"jobs":[{"app":"md","name":"a\0b"}]}'],
    ["an escaped NUL", '{"jobs":[{"app":"md","name":"a\\u0000b"}]}'],
    ["an escaped NUL in a key", '{"jobs":[{"app":"md","data":{"a\\u0000":1}}]}'],
    ["half a surrogate pair", '{"jobs":[{"app":"md","data":{"x":"\\ud800"}}]}'],
    [
      "invalid UTF-8",
      Buffer.from([...Buffer.from('{"jobs":[{"app":"md","name":"'), 0xff, 0xfe, ...Buffer.from('"}]}')]),
    ],
    [
      "overlong UTF-8",
      Buffer.from([...Buffer.from('{"jobs":[{"app":"md","name":"'), 0xc0, 0x80, ...Buffer.from('"}]}')]),
    ],
  ])("[B9] with %s are refused, and nothing is stored", async (_what, payload) => {
    const before = await countJobs();
    const answer = await post(payload);
    expect(answer.statusCode).toBe(422);
    expect(answer.json().code).toBe("BAD_INPUT");
    expect(await countJobs()).toBe(before);
  });

  it("keep a backslash before u0000, which is text and no NUL", async () => {
    const answer = await post('{"jobs":[{"app":"md","data":{"x":"a\\\\u0000b"}}]}');
    expect(answer.statusCode).toBe(200);
    const job = await server.ann.call("jobGet", { params: { id: answer.json().ids[0] } });
    expect(job.data).toEqual({ x: "a\\u0000b" });
  });

  it("come as newline-delimited JSON too, and a bad line is named", async () => {
    const good = await post('{"app":"md"}\n\n{"app":"md","name":"second"}', { "content-type": "application/x-ndjson" });
    expect(good.json().ids).toHaveLength(2);
    const bad = await post('{"app":"md"}\n{"app":', { "content-type": "application/x-ndjson" });
    expect(bad.statusCode).toBe(422);
    expect(bad.json().detail).toMatch(/^line 2: it is not JSON/);
  });

  it("of another content type, or too large, are refused", async () => {
    expect((await post("a=b", { "content-type": "application/x-www-form-urlencoded" })).statusCode).toBe(422);
    const large = await post(Buffer.alloc(64 * 1024 * 1024 + 1, 32));
    expect(large.statusCode).toBe(413);
    expect(large.json().code).toBe("TOO_LARGE");
  });

  it("with a 10 MB parameter are refused by name", async () => {
    const answer = await post(JSON.stringify({ jobs: [{ app: "md", parameters: { x: "x".repeat(10_000_000) } }] }));
    expect(answer.statusCode).toBe(422);
    expect(answer.json().detail).toMatch(/^jobs\[0\]\.parameters\.x: expected at most 1000000 characters, got "xxx/);
  });

  it.each([
    "/jobs?where=name=%00",
    "/jobs?where=%ff",
    "/jobs?limit=-1",
    "/jobs?limit=many",
    "/jobs?limits=5",
    "/jobs/0",
    "/jobs/x",
    "/jobs/1e3",
    "/whoami?a=b",
  ])("with a bad URL are refused: %s", async (url) => {
    const answer = await server.http.inject({ url, headers: { authorization: `Bearer ${server.ann.token}` } });
    expect(answer.statusCode).toBe(422);
    expect(answer.json().code).toBe("BAD_INPUT");
  });

  it("for a route that is not there say so", async () => {
    const answer = await server.http.inject({ method: "PUT", url: "/jobs" });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toMatchObject({ code: "ROUTE_NOT_FOUND", detail: "There is no PUT /jobs here" });
  });

  it("cut off half-way leave nothing behind", async () => {
    const port = await listen();
    const before = await countJobs();
    const body = JSON.stringify({ jobs: Array.from({ length: 500 }, () => ({ app: "md" })) });
    await new Promise<void>((resolve, reject) => {
      const socket = createConnection(port, "127.0.0.1", () => {
        socket.write(
          `POST /jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.ann.token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
        );
        socket.write(body.slice(0, body.length / 2), () => socket.destroy());
      });
      socket.once("close", () => resolve());
      socket.once("error", reject);
    });
    // A whole request behind the broken one is answered once the server has seen the end of both.
    expect((await post(JSON.stringify({ jobs: [{ app: "md" }] }))).statusCode).toBe(200);
    expect(await countJobs()).toBe(before + 1);
  });
});

describe("access", () => {
  const open = (Object.entries(operations) as [OperationName, Operation][]).filter(
    ([, { access }]) => access !== "anyone",
  );

  it.each(open)("%s needs a token", async (_name, { method, path }) => {
    const url = path.replace(":id", "1");
    for (const authorization of [undefined, "Bearer cnf_wrong", "Basic abc", `Bearer ${server.ann.token}x`]) {
      const answer = await server.http.inject({
        method,
        url,
        headers: authorization === undefined ? {} : { authorization },
      });
      expect(answer.statusCode).toBe(401);
      expect(answer.json().code).toBe("NOT_LOGGED_IN");
    }
  });

  it("is refused at the headers, before the body has come", async () => {
    const port = await listen();
    const ask = (path: string, token: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = createConnection(port, "127.0.0.1", () => {
          socket.write(
            `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 60000000\r\n\r\n[`,
          );
        });
        socket.once("data", (bytes: Buffer) => {
          socket.destroy();
          resolve(bytes.toString());
        });
        socket.once("error", reject);
      });
    expect(await ask("/jobs", "cnf_wrong")).toMatch(/^HTTP\/1.1 401 /);
    const bob = await server.user("bob");
    expect(await ask("/users", bob.token)).toMatch(/^HTTP\/1.1 403 /);
  });

  it("streams need a token too", async () => {
    expect((await server.http.inject("/events/stream")).statusCode).toBe(401);
    expect((await server.http.inject("/sessions/1/commands")).statusCode).toBe(401);
  });

  it("the health of the server is told to anyone", async () => {
    expect((await server.http.inject("/health")).json()).toMatchObject({ ok: true, version: "0.1.0" });
  });
});

describe("the OpenAPI document", () => {
  it("[B32] has every operation and the shapes of jobs", async () => {
    const document = (await server.http.inject("/openapi.json")).json();
    expect(document.openapi).toBe("3.1.0");
    for (const { method, path } of Object.values(operations))
      expect(document.paths[path.replace(":id", "{id}")][method.toLowerCase()], path).toBeDefined();
    const { Job, JobCreate, Problem } = document.components.schemas;
    expect(Job.properties.state.enum).toContain("JOB_FINISHED");
    expect(JobCreate.properties).toHaveProperty("parents");
    expect(Problem.properties).toHaveProperty("hint");
  });
});
