import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../../test/setup/test-server.ts";
import { Sweeper } from "./sweeper.ts";

const LEASE_SEC = 100;
let server: TestServer;
let sweeper: Sweeper;
beforeAll(async () => {
  server = await startTestServer({ leaseSec: LEASE_SEC, upkeep: false });
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  for (const { id: session } of (await server.call("sessionList", {})).items)
    await server.call("sessionEnd", { params: { id: session }, query: {} });
  sweeper = new Sweeper(server.services, server.clocks);
  await sweeper.sweep();
});

const id = (value: number | undefined): number => value ?? 0;
/** Lets time pass in steps, sweeping as a server does. */
async function pass(seconds: number, each: () => Promise<unknown> = async () => {}): Promise<number[]> {
  const ended: number[] = [];
  for (let left = seconds * 1000; left > 0; left -= sweeper.everyMs) {
    server.clocks.pass(Math.min(left, sweeper.everyMs));
    await each();
    ended.push(...(await sweeper.sweep()));
  }
  return ended;
}

describe("leases", () => {
  it("run out without a word: what ran is lost and runs again, what waited is free, and late words change nothing", async () => {
    const site = await server.site();
    const [running, held] = await site.create({}, {});
    const pilot = await site.pilot();
    await pilot.acquire();
    await pilot.report({ job: id(running), state: "RUNNING" });
    expect(await pass(LEASE_SEC - 6)).toEqual([]);
    expect(await pass(12)).toEqual([pilot.id]);
    expect(await site.job(id(running))).toMatchObject({
      state: "RESTART_READY",
      attempt: 1,
      losses: 1,
      reason: `session ${pilot.id} ended: its lease ran out; its pilot or node died (1 of at most 3 times)`,
    });
    expect(await site.job(id(held))).toMatchObject({ state: "PREPROCESSED", attempt: 0, losses: 0, sessionId: null });
    await expect(pilot.heartbeat()).rejects.toMatchObject({ code: "SESSION_GONE" });
    await expect(pilot.report({ job: id(running), state: "RUN_DONE" })).rejects.toMatchObject({ code: "SESSION_GONE" });
    await expect(pilot.acquire()).rejects.toMatchObject({ code: "SESSION_GONE" });
    expect(await site.states(id(running))).toEqual(["RESTART_READY"]);
    expect((await site.history(id(running))).at(-1)).toMatchObject({
      stale: true,
      path: ["RUN_DONE"],
      sessionId: pilot.id,
    });
  });

  it("keep attempt 2 clear of what attempt 1 says after all", async () => {
    const site = await server.site();
    const [job] = await site.create({});
    const first = await site.pilot();
    await first.acquire();
    await first.report({ job: id(job), state: "RUNNING" });
    await pass(LEASE_SEC + 6);
    const second = await site.pilot();
    const { offers } = await second.acquire();
    expect(offers).toMatchObject([{ job, attempt: 2 }]);
    await second.report({ job: id(job), attempt: 2, state: "RUNNING" });
    await expect(first.report({ job: id(job), state: "RUN_ERROR", exitCode: 1 })).rejects.toMatchObject({
      code: "SESSION_GONE",
    });
    expect(await site.job(id(job))).toMatchObject({ state: "RUNNING", attempt: 2, sessionId: second.id });
    await second.report({ job: id(job), attempt: 2, state: "RUN_DONE", exitCode: 0 });
    expect(await site.states(id(job))).toEqual(["JOB_FINISHED"]);
  });

  it("are renewed by any call", async () => {
    const site = await server.site();
    const pilots = await Promise.all(Array.from({ length: 4 }, () => site.pilot()));
    const [beating, asking, telling, silent] = pilots;
    const ended = await pass(3 * LEASE_SEC, async () => {
      await beating?.heartbeat();
      await asking?.acquire();
      await telling?.report();
    });
    expect(ended).toEqual([silent?.id]);
  });

  it("[B13] are renewed, and told of kills known, while the database is busy with something long", async () => {
    const site = await server.site();
    const pilot = await site.pilot();
    await pilot.heartbeat();
    let release = (): void => {};
    const busy = new Promise<void>((resolve) => {
      release = resolve;
    });
    const holding = server.db.transaction(async (tx) => {
      await tx.query("LOCK TABLE sessions, sites, job_life IN ACCESS EXCLUSIVE MODE");
      await busy;
    });
    const began = performance.now();
    for (let beats = 0; beats < 5; beats += 1) await pilot.heartbeat();
    expect(performance.now() - began).toBeLessThan(500);
    release();
    await holding;
  });

  it("[B30] are written to the database, so that every server process counts from them", async () => {
    const site = await server.site();
    const pilot = await site.pilot();
    server.clocks.pass(60_000);
    await pilot.heartbeat();
    await server.services.sessions.flush();
    const { rows } = await server.db.query<{ expires: string }>("SELECT expires FROM sessions WHERE id = $1", [
      pilot.id,
    ]);
    const left = Date.parse(rows[0]?.expires ?? "") - server.clocks.now();
    expect(Math.abs(left - LEASE_SEC * 1000)).toBeLessThan(5_000);
  });

  it.each([
    ["an hour back", -3_600_000],
    ["an hour ahead", 3_600_000],
  ])("survive a clock that jumps %s: everyone gets one full lease, and no more", async (_title, jump) => {
    const site = await server.site();
    const [job] = await site.create({});
    const pilot = await site.pilot();
    await pilot.acquire();
    await pilot.report({ job: id(job), state: "RUNNING" });
    await pass(LEASE_SEC / 2);
    server.clocks.jump(jump);
    expect(await pass(LEASE_SEC - 6)).toEqual([]);
    expect(await site.states(id(job))).toEqual(["RUNNING"]);
    expect(await pass(16)).toEqual([pilot.id]);
    server.clocks.jump(-jump);
  });

  it("survive a server that stood still for long: it could not hear the heartbeats", async () => {
    const site = await server.site();
    const pilot = await site.pilot();
    server.clocks.pass(10 * LEASE_SEC * 1000);
    expect(await sweeper.sweep()).toEqual([]);
    await pilot.heartbeat();
    await pilot.end();
  });

  it("survive a database that was away: everyone gets a full lease once it is back", async () => {
    const site = await server.site();
    const pilot = await site.pilot();
    await server.services.sessions.flush();
    let isAway = true;
    const query: typeof server.db.query = (sql, params) =>
      isAway ? Promise.reject(new Error("away")) : server.db.query(sql, params);
    const db = new Proxy(server.db, { get: (target, name) => (name === "query" ? query : Reflect.get(target, name)) });
    const other = new Sweeper({ ...server.services, db }, server.clocks);
    await other.sweep();
    server.clocks.pass(other.everyMs);
    await expect(other.sweep()).rejects.toThrow("away");
    isAway = false;
    // Another process heard the heartbeats, and could not write them.
    server.services.sessions.forget(pilot.id);
    await server.db.query("UPDATE sessions SET expires = now() - interval '1 day' WHERE id = $1", [pilot.id]);
    expect(await other.sweep()).toEqual([]);
    expect(await other.sweep()).toEqual([]);
    await pilot.end();
  });

  it("survive a server that was down: a new one first grants a full lease", async () => {
    const site = await server.site();
    const pilot = await site.pilot();
    await server.services.sessions.flush();
    server.clocks.pass(10 * LEASE_SEC * 1000);
    server.services.sessions.forget(pilot.id);
    const restarted = new Sweeper(server.services, server.clocks);
    expect(await restarted.sweep()).toEqual([]);
    expect(await restarted.sweep()).toEqual([]);
    await pilot.heartbeat();
    await pilot.end();
  });
});

describe("the end of a session", () => {
  it("frees what waits, loses what runs, and is not repeated", async () => {
    const site = await server.site();
    const [running, held] = await site.create({}, {});
    const pilot = await site.pilot();
    await pilot.acquire();
    await pilot.report({ job: id(running), state: "RUNNING" });
    await pilot.end("the allocation is over");
    expect(await site.job(id(running))).toMatchObject({
      state: "RESTART_READY",
      losses: 1,
      reason: expect.stringContaining("the allocation is over"),
    });
    expect(await site.states(id(held))).toEqual(["PREPROCESSED"]);
    await expect(pilot.end()).rejects.toMatchObject({ code: "SESSION_GONE", values: expect.anything() });
    expect((await site.call("sessionList", { query: { site: site.name } })).items).toEqual([]);
  });

  it("does not lose what its pilot reported before it left", async () => {
    const site = await server.site();
    const [job] = await site.create({});
    const pilot = await site.pilot();
    await pilot.acquire();
    await pilot.report({ job: id(job), state: "RUNNING" });
    await pilot.report({ job: id(job), state: "RUN_TIMEOUT" });
    await pilot.end();
    expect(await site.job(id(job))).toMatchObject({
      state: "RESTART_READY",
      losses: 0,
      attempt: 1,
      reason: "timeout in attempt 1 of 3",
    });
  });

  it("closes the session's stream, and refuses a new one", async () => {
    const site = await server.site();
    const pilot = await site.pilot();
    const events: string[] = [];
    const reading = (async () => {
      for await (const { event } of pilot.commands(new AbortController().signal)) {
        events.push(event);
        if (events.length === 1) await pilot.end();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "SESSION_GONE" });
    expect(events).toEqual(["open"]);
  });
});
