import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../../test/setup/test-server.ts";
import { TokenWatch } from "./token-watch.ts";

const someone = { id: 1, name: "someone", admin: false };

describe("the watch over tokens", () => {
  it("ends what a token began once it has expired, and nothing else", async () => {
    let isExpired = false;
    const watch = new TokenWatch(async (token) => (isExpired && token === "old" ? null : someone), 5);
    using old = watch.watch("old");
    using other = watch.watch("other");
    isExpired = true;
    await expect.poll(() => old.signal.aborted).toBe(true);
    expect(other.signal.aborted).toBe(false);
  });

  it("ends nothing while the database cannot be asked", async () => {
    const watch = new TokenWatch(() => Promise.reject(new Error("the database is away")));
    using stream = watch.watch("good");
    await watch.look();
    expect(stream.signal.aborted).toBe(false);
  });
});

describe("a stream", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it.each(["/events/stream", "/sessions/:id/commands"])("%s ends when its token is revoked", async (path) => {
    const stranger = await server.stranger();
    const site = await stranger.call("siteCreate", { body: { name: `theirs-${path.length}`, path: "/theirs" } });
    const capacity = { cores: 1, gpus: 0, memoryBytes: 0 };
    const session = await stranger.call("sessionCreate", { body: { site: site.id, nodes: 1, capacity } });
    const [token] = (await stranger.call("tokenList")).items;
    const events: string[] = [];
    const { signal } = new AbortController();
    const reading = (async () => {
      for await (const { event } of stranger.stream(path.replace(":id", String(session.id)), { signal })) {
        events.push(event);
        await stranger.call("tokenRevoke", { params: { id: token?.id ?? 0 } });
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "NOT_LOGGED_IN" });
    expect(events).toEqual(["open"]);
  });
});
