import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../../test/setup/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const id = (value: number | undefined): number => value ?? 0;

describe("reporting", () => {
  it("keeps one event for each message, and the true times, exit code and place with the job", async () => {
    const site = await server.site();
    const [job] = await site.create({});
    const pilot = await site.pilot();
    await pilot.acquire();
    const [began, ended] = [Date.now() - 5000, Date.now() - 1000];
    await pilot.report({ job: id(job), state: "RUNNING", at: began, node: "n1", cores: [2] });
    expect(await site.job(id(job))).toMatchObject({
      state: "RUNNING",
      attempt: 1,
      started: expect.stringContaining(new Date(began).toISOString().slice(0, -1)),
    });
    await pilot.report({ job: id(job), state: "RUN_DONE", at: ended, exitCode: 0 });
    expect(await site.job(id(job))).toMatchObject({
      state: "JOB_FINISHED",
      exitCode: 0,
      sessionId: null,
      reason: "",
      started: expect.stringContaining(new Date(began).toISOString().slice(0, -1)),
      ended: expect.stringContaining(new Date(ended).toISOString().slice(0, -1)),
    });
    const { rows } = await site.db.query(
      "SELECT path, attempt, session_id, data FROM job_events WHERE job_id = $1 ORDER BY id OFFSET 1",
      [job],
    );
    expect(rows).toEqual([
      { path: ["RUNNING"], attempt: 1, session_id: pilot.id, data: { node: "n1", cores: [2] } },
      {
        path: ["RUN_DONE", "POSTPROCESSED", "STAGED_OUT", "JOB_FINISHED"],
        attempt: 1,
        session_id: pilot.id,
        data: { exitCode: 0 },
      },
    ]);
  });

  it("makes one event of a start and an end told together", async () => {
    const site = await server.site();
    const [job] = await site.create({});
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers);
    const { rows } = await site.db.query(
      "SELECT path, data->>'startedAt' AS began FROM job_events WHERE job_id = $1 ORDER BY id OFFSET 1",
      [job],
    );
    expect(rows).toEqual([
      {
        path: ["RUNNING", "RUN_DONE", "POSTPROCESSED", "STAGED_OUT", "JOB_FINISHED"],
        began: expect.stringMatching(/^20\d\d-/),
      },
    ]);
  });

  it("answers a repeated batch with its first answer and changes nothing", async () => {
    const site = await server.site();
    const [job] = await site.create({});
    const pilot = await site.pilot();
    await pilot.acquire();
    const items = [
      { job: id(job), state: "RUNNING" as const },
      { job: id(job), attempt: 3, state: "RUN_DONE" as const },
    ];
    const first = await pilot.reportAs(1, items);
    expect(first).toMatchObject({ accepted: 1, stale: [{ job, attempt: 3 }] });
    expect(await pilot.reportAs(1, items)).toEqual(first);
    expect(await site.history(id(job))).toHaveLength(3);
  });

  it("accepts a start told twice, in another batch, and ends no task for it", async () => {
    const site = await server.site();
    const [job] = await site.create({});
    const pilot = await site.pilot();
    await pilot.acquire();
    await pilot.report({ job: id(job), state: "RUNNING" });
    expect(await pilot.report({ job: id(job), state: "RUNNING" })).toMatchObject({ accepted: 1, stale: [] });
    expect(await site.history(id(job))).toHaveLength(2);
  });

  it("records what comes from a wrong attempt or session as stale, says so, and changes nothing", async () => {
    const site = await server.site();
    const [job, lonely] = await site.create({}, {});
    const [holder, other] = [await site.pilot(), await site.pilot()];
    await holder.acquire({ maxJobs: 1 });
    expect((await other.report({ job: id(job), state: "RUNNING" })).stale).toEqual([
      { job, attempt: 1, why: `session ${holder.id} holds it` },
    ]);
    expect((await holder.report({ job: id(job), attempt: 2, state: "RUNNING" })).stale).toHaveLength(1);
    expect((await holder.report({ job: id(lonely), state: "RUN_DONE" })).stale).toHaveLength(1);
    expect(await site.states(id(job), id(lonely))).toEqual(["PREPROCESSED", "PREPROCESSED"]);
    expect((await site.history(id(job))).filter(({ stale }) => stale)).toMatchObject([
      { path: ["RUNNING"], sessionId: other.id, data: { why: `session ${holder.id} holds it` } },
      { path: ["RUNNING"], attempt: 2 },
    ]);
  });

  it("does not let a session touch jobs of another site, nor write into their history", async () => {
    const [site, other] = [await server.site(), await server.site()];
    const [job] = await other.create({});
    const pilot = await site.pilot();
    expect((await pilot.report({ job: id(job), state: "RUN_DONE" })).stale).toEqual([
      { job, attempt: 1, why: "there is no such job" },
    ]);
    expect(await other.history(id(job))).toHaveLength(1);
  });

  it("keeps others out of a user's session", async () => {
    const site = await server.site();
    const pilot = await site.pilot();
    const stranger = await server.stranger();
    const params = { id: pilot.id };
    const calls = await Promise.allSettled([
      stranger.call("sessionHeartbeat", { params, body: {} }),
      stranger.call("sessionReport", { params, body: { batch: 1, items: [] } }),
      stranger.call("sessionRelease", { params, body: { jobs: [] } }),
      stranger.call("sessionEnd", { params, query: {} }),
    ]);
    for (const call of calls) expect(call).toMatchObject({ status: "rejected", reason: { code: "NOT_FOUND" } });
    await pilot.heartbeat();
  });

  it("[B18] runs a failed job again as its policy says, counts its attempts, and ends it with the reason", async () => {
    const site = await server.site();
    const [retried, once] = await site.create({ maxAttempts: 2, retryOn: ["error"] }, {});
    const pilot = await site.pilot();
    const failed = { state: "RUN_ERROR" as const, exitCode: 3, stderrTail: "no such file" };
    await pilot.run((await pilot.acquire()).offers, failed);
    expect(await site.states(id(retried), id(once))).toEqual(["RESTART_READY", "FAILED"]);
    const { offers } = await pilot.acquire();
    expect(offers.map(({ job, attempt }) => [job, attempt])).toEqual([[retried, 2]]);
    await pilot.run(offers, failed);
    expect(await site.job(id(retried))).toMatchObject({
      state: "FAILED",
      attempt: 2,
      exitCode: 3,
      reason: "exit code 3; attempt 2 of 2 ended with error",
    });
    expect((await site.history(id(once))).at(-1)?.data).toMatchObject({
      exitCode: 3,
      failure: "error",
      stderrTail: "no such file",
      reason: "exit code 3; error is not retried",
    });
  });

  it("counts a job that could not even be started as an attempt, so that it cannot fail for ever", async () => {
    const site = await server.site();
    const [job] = await site.create({ maxAttempts: 1, retryOn: ["error"] });
    const pilot = await site.pilot();
    await pilot.acquire();
    await pilot.report({ job: id(job), state: "RUN_ERROR", reason: "its workdir cannot be made" });
    expect(await site.job(id(job))).toMatchObject({
      state: "FAILED",
      attempt: 1,
      reason: "its workdir cannot be made; attempt 1 of 1 ended with error",
    });
  });

  it("counts lost pilots apart from attempts, and stops a job that keeps losing them", async () => {
    const site = await server.site();
    const [job] = await site.create({ maxAttempts: 1, maxLosses: 2 });
    const pilot = await site.pilot();
    for (const losses of [1, 2, 3]) {
      await pilot.run((await pilot.acquire()).offers, { state: "RUN_TIMEOUT", failure: "lost" });
      expect(await site.job(id(job))).toMatchObject({
        losses,
        attempt: losses,
        state: losses < 3 ? "RESTART_READY" : "FAILED",
      });
    }
  });

  it("keeps every accent, and any text, of an error's last lines", async () => {
    const site = await server.site();
    const [job] = await site.create({});
    const pilot = await site.pilot();
    const stderrTail = `é "quoted" \\ back {braces} 'x' ${"\u{1F600}"}\n\ttab`;
    await pilot.run((await pilot.acquire()).offers, { state: "RUN_ERROR", stderrTail, reason: stderrTail });
    expect((await site.history(id(job))).at(-1)?.data).toMatchObject({ stderrTail });
  });
});

describe("killing", () => {
  const kill = (...ids: (number | undefined)[]) =>
    server.call("jobKill", { body: { ids: ids.map(id), reason: "not needed" } });

  it("ends a waiting job at once, and tells the pilot of a running one until it is dead", async () => {
    const site = await server.site();
    const [running, waiting] = await site.create({ priority: 1 }, {});
    const pilot = await site.pilot();
    await pilot.acquire({ maxJobs: 1 });
    await pilot.report({ job: id(running), state: "RUNNING" });
    expect(await kill(running, waiting)).toMatchObject({ changed: 2 });
    expect(await site.states(id(running), id(waiting))).toEqual(["RUNNING", "USER_KILLED"]);
    expect((await pilot.heartbeat()).commands.kill).toEqual([running]);
    expect((await pilot.heartbeat()).commands.kill).toEqual([running]);
    const { commands } = await pilot.report({ job: id(running), state: "USER_KILLED", signal: "SIGTERM" });
    expect(commands.kill).toEqual([]);
    expect(await site.job(id(running))).toMatchObject({
      state: "USER_KILLED",
      reason: "not needed",
      killRequested: false,
      sessionId: null,
    });
  });

  it("leaves a job that finished before the kill reached it finished", async () => {
    const site = await server.site();
    const [job] = await site.create({});
    const pilot = await site.pilot();
    const { offers } = await pilot.acquire();
    await kill(job);
    await pilot.run(offers);
    expect(await site.job(id(job))).toMatchObject({ state: "JOB_FINISHED", killRequested: false, reason: "" });
  });

  it("never restarts a job that its user wants dead, whatever its policy says", async () => {
    const site = await server.site();
    const [job] = await site.create({ maxAttempts: 5, retryOn: ["error", "timeout"] });
    const pilot = await site.pilot();
    const { offers } = await pilot.acquire();
    await kill(job);
    await pilot.run(offers, { state: "RUN_ERROR", exitCode: 143 });
    expect(await site.job(id(job))).toMatchObject({ state: "USER_KILLED", reason: "not needed" });
  });

  it("takes a held job that never started back as dead, by report, by release, and at the session's end", async () => {
    const site = await server.site();
    const [reported, released, left, free] = await site.create({}, {}, {}, {});
    const pilot = await site.pilot();
    await pilot.acquire({ maxJobs: 4 });
    await kill(reported, released, left);
    await pilot.report({ job: id(reported), state: "USER_KILLED" });
    expect(await pilot.release(id(released))).toEqual({ released: 1 });
    await pilot.end();
    expect(await site.states(id(reported), id(released), id(left), id(free))).toEqual([
      "USER_KILLED",
      "USER_KILLED",
      "USER_KILLED",
      "PREPROCESSED",
    ]);
    expect(await site.job(id(reported))).toMatchObject({ attempt: 0, reason: "not needed" });
  });

  it("sends the order over the session's stream", async () => {
    const site = await server.site();
    const [job] = await site.create({});
    const pilot = await site.pilot();
    await pilot.acquire();
    const stop = new AbortController();
    const seen: unknown[] = [];
    for await (const { event, data } of pilot.commands(stop.signal)) {
      if (event === "open") await kill(job);
      if (event !== "commands") continue;
      seen.push(data);
      stop.abort();
    }
    expect(seen).toEqual([{ kill: [job], giveBack: 0, retire: null }]);
  });
});

describe("giving back", () => {
  it("frees jobs that have not started, counts nothing, and leaves running ones alone", async () => {
    const site = await server.site();
    const [running, held, foreign] = await site.create({}, {}, {});
    const [pilot, other] = [await site.pilot(), await site.pilot()];
    await pilot.acquire({ maxJobs: 2 });
    await other.acquire();
    await pilot.report({ job: id(running), state: "RUNNING" });
    expect(await pilot.release(id(running), id(held), id(foreign), 999_999)).toEqual({ released: 1 });
    expect(await site.job(id(held))).toMatchObject({
      state: "PREPROCESSED",
      attempt: 0,
      losses: 0,
      sessionId: null,
      batchJobId: null,
    });
    expect(await site.job(id(foreign))).toMatchObject({ sessionId: other.id });
    expect(await site.job(id(running))).toMatchObject({ state: "RUNNING", sessionId: pilot.id });
    expect(await site.history(id(held))).toHaveLength(1);
  });

  it("[B21] asks a pilot that hoards for what another could start, and it comes back within a second", async () => {
    const site = await server.site();
    const ids = await site.create(...Array.from({ length: 40 }, () => ({})));
    const hoarder = await site.pilot({ cores: 100 });
    const taken = await hoarder.take();
    expect(taken).toHaveLength(40);
    const stop = new AbortController();
    const giving = (async () => {
      for await (const { event, data } of hoarder.commands(stop.signal)) {
        if (event !== "commands") continue;
        const { giveBack } = data as { giveBack: number };
        await hoarder.release(...taken.splice(-giveBack));
      }
    })();
    const hungry = await site.pilot({ cores: 4 });
    const began = performance.now();
    const got = await hungry.take({ waitSec: 30, maxJobs: 10 });
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(got).toEqual(ids.slice(-4));
    stop.abort();
    await giving;
  });

  it("[B21] tells a pilot without a stream with its next answer, once", async () => {
    const site = await server.site();
    await site.create({}, {}, {});
    const hoarder = await site.pilot();
    await hoarder.acquire();
    const hungry = await site.pilot({ cores: 2 });
    expect(await hungry.take()).toEqual([]);
    expect((await hoarder.heartbeat()).commands.giveBack).toBe(2);
    expect((await hoarder.heartbeat()).commands.giveBack).toBe(0);
  });

  it("asks for nothing that the other could not start either", async () => {
    const site = await server.site();
    const [running] = await site.create({ ranksPerNode: 4 }, { ranksPerNode: 4 }, { nodes: 2 }, { wallTimeMin: 60 });
    const hoarder = await site.pilot({ nodes: 4 });
    await hoarder.acquire();
    await hoarder.report({ job: id(running), state: "RUNNING" });
    const hungry = await site.pilot({ cores: 3 });
    expect(await hungry.take({ wallTimeLeftMin: 30 })).toEqual([]);
    expect((await hoarder.heartbeat()).commands.giveBack).toBe(0);
  });
});
