import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../../test/setup/test-server.ts";
import type { Client, StreamEvent } from "../../client/client.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

/** Reads a stream's events, after doing something once it is open, until `enough`. */
async function read(
  client: Client,
  query: Record<string, string>,
  { start, enough }: { start: () => Promise<unknown>; enough: (events: readonly StreamEvent[]) => boolean },
): Promise<StreamEvent[]> {
  const stop = new AbortController();
  const events: StreamEvent[] = [];
  for await (const event of client.stream("/events/stream", { query, signal: stop.signal })) {
    if (event.event === "open") await start();
    else events.push(event);
    if (enough(events)) stop.abort();
  }
  return events;
}

describe("the stream of changes", () => {
  it("carries jobs, batch jobs and sites as they change", async () => {
    const site = await server.site();
    const jobs: number[] = [];
    const events = await read(
      server.client,
      { site: site.name },
      {
        start: async () => {
          jobs.push(...(await site.create({})));
          const [job] = jobs;
          const pilot = await site.pilot();
          await pilot.acquire();
          await pilot.report({ job: job ?? 0, state: "RUNNING" });
          await pilot.report({ job: job ?? 0, state: "RUN_DONE" });
          await site.call("batchJobCreate", { body: { site: site.id } });
          await site.call("siteHeartbeat", { params: { id: site.id }, body: { report: { a: 1 } } });
        },
        enough: (seen) => seen.length >= 5,
      },
    );
    const { states } = (events[0] ?? { data: {} }).data as { states: { PREPROCESSED: number[] } };
    const [job] = states.PREPROCESSED;
    expect(events).toMatchObject([
      { event: "jobs", data: { kind: "jobs", siteId: site.id, states: { PREPROCESSED: [job] }, truncated: false } },
      { event: "jobs", data: { states: { RUNNING: [job] } } },
      { event: "jobs", data: { states: { JOB_FINISHED: [job] } } },
      { event: "batchJob", data: { siteId: site.id, state: "pending_submission" } },
      { event: "site", data: { siteId: site.id } },
    ]);
  });

  it("carries nothing of other sites where one is named, and nothing of other users at all", async () => {
    const [site, other] = [await server.site(), await server.site()];
    const stranger = await server.stranger();
    const theirs = await stranger.call("siteCreate", { body: { name: "theirs", path: "/theirs" } });
    const beat = (client: Client, id: number) =>
      client.call("siteHeartbeat", { params: { id }, body: { report: { at: Math.random() } } });
    const start = async (): Promise<void> => {
      await other.create({});
      await beat(stranger, theirs.id);
      await site.create({});
    };
    const named = await read(server.client, { site: String(site.id) }, { start, enough: (seen) => seen.length > 0 });
    expect(named).toMatchObject([{ event: "jobs", data: { siteId: site.id } }]);
    const all = await read(server.client, {}, { start, enough: (seen) => seen.length >= 2 });
    expect(all.map(({ data }) => (data as { siteId: number }).siteId)).toEqual([other.id, site.id]);
  });

  it("says so when there is no such site, or the query makes no sense", async () => {
    const none = { start: async () => {}, enough: () => false };
    await expect(read(server.client, { site: "nowhere" }, none)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(read(server.client, { sit: "here" }, none)).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("ends where messages may have been missed, so that its reader looks again", async () => {
    let opened = 0;
    const stop = new AbortController();
    for await (const { event } of server.client.stream("/events/stream", { signal: stop.signal })) {
      if (event !== "open") continue;
      opened += 1;
      if (opened === 1) server.services.changes.receive({ kind: "missed" });
      else stop.abort();
    }
    expect(opened).toBe(2);
  });
});
