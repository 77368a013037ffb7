import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startThrowAwayPostgres, type ThrowAwayPostgres } from "../../../test/setup/postgres.ts";
import { FakePilot, startTestServer, type TestServer } from "../../../test/setup/test-server.ts";
import { type Database, migrate, openDatabase } from "../database/index.ts";
import { migrations } from "../schema/index.ts";
import { Sweeper } from "../sessions/index.ts";

const LEASE_SEC = 100;
let postgres: ThrowAwayPostgres;
let databases: Database[];
let here: TestServer;
let there: TestServer;
beforeAll(async () => {
  postgres = await startThrowAwayPostgres();
  databases = [
    await openDatabase({ kind: "postgres", url: postgres.url }),
    await openDatabase({ kind: "postgres", url: postgres.url }),
  ];
  const [first, second] = databases as [Database, Database];
  await migrate(first, migrations);
  here = await startTestServer({ db: first, leaseSec: LEASE_SEC, upkeep: false });
  there = await startTestServer({ db: second, leaseSec: LEASE_SEC, upkeep: false });
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await there[Symbol.asyncDispose]();
  for (const db of databases) await db[Symbol.asyncDispose]();
  await postgres[Symbol.asyncDispose]();
});

/** The same session, reached through the other process. */
const overThere = (pilot: FakePilot): FakePilot => new FakePilot(there.client, pilot.id, pilot.shape);

describe("two API processes on one PostgreSQL", () => {
  it("wake each other's waiting pilots", async () => {
    const site = await here.site();
    const waiting = overThere(await site.pilot()).acquire({ waitSec: 60 });
    await there.db.query("SELECT 1");
    const began = performance.now();
    const [job] = await site.create({});
    expect((await waiting).offers).toMatchObject([{ job }]);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it("carry a kill to the pilot's stream in the other", async () => {
    const site = await here.site();
    const [job] = await site.create({});
    const pilot = overThere(await site.pilot());
    await pilot.acquire();
    const stop = new AbortController();
    for await (const { event, data } of pilot.commands(stop.signal)) {
      if (event === "open") await site.call("jobKill", { body: { ids: [job ?? 0] } });
      if (event !== "commands") continue;
      expect(data).toMatchObject({ kill: [job] });
      stop.abort();
    }
    expect((await pilot.heartbeat()).commands.kill).toEqual([job]);
  });

  it("[B21] have a pilot in one give back for a pilot in the other", async () => {
    const site = await here.site();
    const ids = await site.create({}, {}, {});
    const hoarder = await site.pilot();
    await hoarder.acquire();
    const stop = new AbortController();
    const giving = (async () => {
      for await (const { event, data } of hoarder.commands(stop.signal))
        if (event === "commands") await hoarder.release(...ids.slice(0, (data as { giveBack: number }).giveBack));
    })();
    const hungry = overThere(await site.pilot({ cores: 1 }));
    expect(await hungry.take({ waitSec: 30 })).toEqual([ids[0]]);
    stop.abort();
    await giving;
  });

  it("carry changes to the other's streams", async () => {
    const site = await here.site();
    const stop = new AbortController();
    for await (const { event, data } of there.client.stream("/events/stream", {
      query: { site: site.name },
      signal: stop.signal,
    })) {
      if (event === "open") await site.create({});
      if (event !== "jobs") continue;
      expect(data).toMatchObject({ siteId: site.id });
      stop.abort();
    }
  });

  it("hand out no job twice", async () => {
    const site = await here.site();
    const ids = await site.create(...Array.from({ length: 200 }, () => ({})));
    const pilots = await Promise.all(Array.from({ length: 4 }, () => site.pilot({ cores: 100 })));
    const taken: number[] = [];
    const drain = async (pilot: FakePilot): Promise<void> => {
      for (let got = await pilot.take({ maxJobs: 7 }); got.length > 0; got = await pilot.take({ maxJobs: 7 }))
        taken.push(...got);
    };
    await Promise.all(pilots.map((pilot, index) => drain(index % 2 === 0 ? pilot : overThere(pilot))));
    expect(taken.sort((a, b) => a - b)).toEqual(ids);
  });

  it("[B30] end a session only when none of them has heard of it, and both know of its end", async () => {
    const site = await here.site();
    const pilot = await site.pilot();
    const elsewhere = overThere(pilot);
    await elsewhere.heartbeat();
    const sweepers = [new Sweeper(here.services, here.clocks), new Sweeper(there.services, there.clocks)];
    const ended: number[] = [];
    const pass = async (seconds: number, each: () => Promise<unknown>): Promise<void> => {
      for (let passed = 0; passed < seconds; passed += 5) {
        for (const { clocks } of [here, there]) clocks.pass(5_000);
        await each();
        for (const sweeper of sweepers) ended.push(...(await sweeper.sweep()));
        await there.services.sessions.flush();
      }
    };
    await pass(3 * LEASE_SEC, () => elsewhere.heartbeat());
    expect(ended).not.toContain(pilot.id);
    await pass(LEASE_SEC + 20, async () => {});
    expect(ended.filter((id) => id === pilot.id)).toEqual([pilot.id]);
    await expect(elsewhere.heartbeat()).rejects.toMatchObject({ code: "SESSION_GONE" });
    await expect(pilot.heartbeat()).rejects.toMatchObject({ code: "SESSION_GONE" });
  });

  it("tell a pilot at the other at once when its session was ended", async () => {
    const site = await here.site();
    const pilot = await site.pilot();
    const waiting = overThere(pilot).acquire({ waitSec: 60 });
    await there.db.query("SELECT 1");
    await pilot.end();
    await expect(waiting).rejects.toMatchObject({ code: "SESSION_GONE" });
  });
});
