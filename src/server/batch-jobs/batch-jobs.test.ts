import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer, type TestSite } from "../../../test/setup/test-server.ts";
import { BATCH_STATES, type BatchState } from "../../client/wire/entities.ts";
import { afterAgentWord, afterCancel, isFinalBatchState } from "./states.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const id = (value: number | undefined): number => value ?? 0;
const ask = (site: TestSite, body: object = {}) => site.call("batchJobCreate", { body: { site: site.id, ...body } });
const cancel = (site: TestSite, batchJob: number, reason?: string) =>
  site.call("batchJobCancel", { params: { id: batchJob }, body: reason === undefined ? {} : { reason } });
const tell = (
  site: TestSite,
  ...items: { id: number; state?: BatchState; reason?: string; schedulerId?: string; expected?: string }[]
) => site.call("batchJobUpdate", { body: { items } });
const show = (site: TestSite, batchJob: number) => site.call("batchJobGet", { params: { id: batchJob } });

describe("batch jobs", () => {
  it("follow what the scheduler says, with its words and times", async () => {
    const site = await server.site();
    const { id: batchJob, state } = await ask(site, { nodes: 2, wallTimeMin: 30, filterTags: { a: "b" } });
    expect(state).toBe("pending_submission");
    expect(await tell(site, { id: batchJob, state: "queued", schedulerId: "17", reason: "Priority" })).toEqual({
      changed: 1,
    });
    expect(await show(site, batchJob)).toMatchObject({
      state: "queued",
      schedulerId: "17",
      reason: "Priority",
      started: null,
    });
    await tell(site, { id: batchJob, state: "running", reason: "" });
    await tell(site, { id: batchJob, state: "finished" });
    expect(await show(site, batchJob)).toMatchObject({
      state: "finished",
      nodes: 2,
      filterTags: { a: "b" },
      started: expect.any(String),
      ended: expect.any(String),
    });
    expect(await tell(site, { id: batchJob, state: "running" })).toEqual({ changed: 0 });
  });

  it("[B39] end cancelled, failed or never submitted, each by its name, and [B46] keep the reason", async () => {
    const site = await server.site();
    const [refused, failed, cancelled] = [await ask(site), await ask(site), await ask(site)];
    await tell(
      site,
      { id: refused.id, state: "submit_failed", reason: "sbatch: error: invalid account" },
      { id: failed.id, state: "failed", reason: "NODE_FAIL" },
      { id: cancelled.id, state: "cancelled", reason: "by an operator" },
    );
    const { items } = await site.call("batchJobList", { query: { where: [`site=${site.name}`] } });
    expect(items.map(({ state, reason }) => [state, reason])).toEqual([
      ["submit_failed", "sbatch: error: invalid account"],
      ["failed", "NODE_FAIL"],
      ["cancelled", "by an operator"],
    ]);
    await tell(site, { id: refused.id, reason: "something else" });
    expect(await show(site, refused.id)).toMatchObject({ reason: "sbatch: error: invalid account" });
  });

  it("are cancelled at once before their submission, through the agent after it", async () => {
    const site = await server.site();
    const [early, late] = [await ask(site), await ask(site)];
    await tell(site, { id: late.id, state: "queued", schedulerId: "5" });
    expect(await cancel(site, early.id, "changed my mind")).toMatchObject({
      state: "cancelled",
      reason: "changed my mind",
      ended: expect.any(String),
    });
    expect(await cancel(site, late.id)).toMatchObject({ state: "pending_deletion", reason: "cancelled by its user" });
    await tell(site, { id: late.id, state: "running", reason: "Resources" });
    expect(await show(site, late.id)).toMatchObject({ state: "pending_deletion", reason: "cancelled by its user" });
    await tell(site, { id: late.id, state: "cancelled" });
    expect(await cancel(site, late.id, "again")).toMatchObject({ state: "cancelled", reason: "cancelled by its user" });
  });

  it("that were cancelled while they were being submitted are deleted in the scheduler after all", async () => {
    const site = await server.site();
    const { id: batchJob } = await ask(site);
    await cancel(site, batchJob);
    await tell(site, { id: batchJob, state: "queued", schedulerId: "77" });
    expect(await show(site, batchJob)).toMatchObject({ state: "pending_deletion", schedulerId: "77" });
  });

  it("[B42] take their sessions with them: what ran is lost, what waited is free", async () => {
    const site = await server.site();
    const { id: batchJob } = await ask(site);
    await tell(site, { id: batchJob, state: "running" });
    const [running, held] = await site.create({}, {});
    const pilot = await site.pilot({ batchJob });
    await pilot.acquire();
    await pilot.report({ job: id(running), state: "RUNNING" });
    await tell(site, { id: batchJob, state: "failed", reason: "the scheduler lost it" });
    expect(await site.job(id(running))).toMatchObject({ state: "RESTART_READY", losses: 1, batchJobId: batchJob });
    expect(await site.job(id(held))).toMatchObject({ state: "PREPROCESSED", losses: 0, sessionId: null });
    await expect(pilot.heartbeat()).rejects.toMatchObject({ code: "SESSION_GONE" });
    await expect(site.pilot({ batchJob })).rejects.toMatchObject({ code: "CONFLICT" });
  });

  it("tell when they are expected to start, and then when they will be over", async () => {
    const site = await server.site();
    const { id: batchJob, expected } = await ask(site);
    expect(expected).toBeNull();
    const [soon, later] = ["2030-01-01T10:00:00.000000Z", "2030-01-01T11:00:00.000000Z"];
    await tell(site, { id: batchJob, state: "queued", expected: soon });
    expect(await show(site, batchJob)).toMatchObject({ expected: soon });
    expect(await tell(site, { id: batchJob, state: "queued", expected: soon })).toEqual({ changed: 0 });
    await tell(site, { id: batchJob, state: "running", expected: later });
    expect(await show(site, batchJob)).toMatchObject({ expected: later });
    await tell(site, { id: batchJob, state: "finished" });
    expect(await show(site, batchJob)).toMatchObject({ expected: null });
  });

  it("tell their pilots to leave when they are given up", async () => {
    const site = await server.site();
    const { id: batchJob } = await ask(site);
    await tell(site, { id: batchJob, state: "running" });
    const pilot = await site.pilot({ batchJob });
    expect((await pilot.heartbeat()).commands.retire).toBeNull();
    await cancel(site, batchJob);
    expect((await pilot.heartbeat()).commands.retire).toBe("its batch job is pending_deletion");
  });

  it("[B37] say at once when no agent is there to submit them", async () => {
    const site = await server.site();
    expect((await ask(site)).reason).toBe(
      `the agent of site ${site.name} never ran: start it with \`conifer site start\``,
    );
    await site.call("siteHeartbeat", { params: { id: site.id }, body: { report: {} } });
    expect((await ask(site)).reason).toBe("");
    server.clocks.pass(600_000);
    expect((await ask(site)).reason).toContain("was last heard at 20");
  });

  it("[B38] that the site cannot submit are refused, naming field and limit", async () => {
    const site = await server.site();
    const report = {
      limits: { maxNodes: 8 },
      queues: [
        { name: "debug", maxNodes: 2, maxWallTimeMin: 30 },
        { name: "long", minNodes: 4, maxNodes: 100 },
      ],
      projects: ["physics"],
    };
    await site.call("siteHeartbeat", { params: { id: site.id }, body: { report } });
    const refusal = async (body: object): Promise<string> =>
      ask(site, body).then(
        () => "accepted",
        (error: Error) => error.message,
      );
    expect(await refusal({ queue: "fast" })).toBe(`queue: site ${site.name} has no queue "fast"; it has debug, long`);
    expect(await refusal({ queue: "debug", nodes: 3 })).toBe(
      `nodes: queue debug of site ${site.name} has at most 2 nodes, not 3`,
    );
    expect(await refusal({ queue: "debug", wallTimeMin: 31 })).toContain("wallTimeMin: queue debug");
    expect(await refusal({ project: "art" })).toContain("project: site");
    expect(await refusal({ nodes: 9 })).toBe(`nodes: site ${site.name} has at most 8 nodes, not 9`);
    expect(await refusal({ queue: "long", nodes: 3 })).toContain("gives at least 4 nodes, not 3");
    expect(await refusal({ queue: "long", nodes: 9, project: "physics" })).toBe("accepted");
  });

  it("are listed by the one filter grammar, page by page in any order", async () => {
    const site = await server.site();
    const made: number[] = [];
    for (const nodes of [3, 1, 2, 1, 3]) made.push((await ask(site, { nodes, filterTags: { n: String(nodes) } })).id);
    const list = async (query: object) =>
      site.call("batchJobList", { query: { where: [`site=${site.name}`], ...query } });
    const pages: number[] = [];
    let after: string | null | undefined;
    do {
      const page = await list({ order: "-nodes", limit: 2, ...(after ? { after } : {}) });
      pages.push(...page.items.map((item) => made.indexOf(item.id)));
      after = page.next;
    } while (after);
    expect(pages).toEqual([4, 0, 2, 3, 1]);
    expect(await list({ where: [`site=${site.name}`, "tags.n=1", "created>-1h"], limit: 0, total: true })).toEqual({
      items: [],
      next: null,
      total: 2,
    });
    await expect(list({ where: ["nodes>many"] })).rejects.toMatchObject({ code: "BAD_FILTER" });
    await expect(list({ order: "reason" })).rejects.toMatchObject({ code: "BAD_FILTER" });
  });

  it("of others are not there, and an unknown one changes nothing of the rest", async () => {
    const site = await server.site();
    const { id: batchJob } = await ask(site);
    const stranger = await server.stranger();
    const params = { id: batchJob };
    await expect(stranger.call("batchJobGet", { params })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(stranger.call("batchJobCancel", { params, body: {} })).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect((await stranger.call("batchJobList", {})).items).toEqual([]);
    await expect(tell(site, { id: batchJob, state: "queued" }, { id: 999_999, state: "queued" })).rejects.toMatchObject(
      { code: "NOT_FOUND" },
    );
    expect((await show(site, batchJob)).state).toBe("pending_submission");
    await expect(
      site.call("batchJobUpdate", { body: { items: [{ id: batchJob, started: "yesterday" }] } }),
    ).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("never leave an end, but for one that was cancelled and turns out to be submitted", () => {
    const states = fc.constantFrom(...BATCH_STATES);
    fc.assert(
      fc.property(states, states, (state, word) => {
        const next = afterAgentWord(state, word);
        if (isFinalBatchState(state))
          expect([state, state === "cancelled" ? "pending_deletion" : state]).toContain(next);
        if (state === "pending_deletion") expect(next === state || isFinalBatchState(next)).toBe(true);
        expect(next).not.toBe(("pending_submission" satisfies BatchState) === state ? "" : "pending_submission");
        expect(isFinalBatchState(afterCancel(state)) || afterCancel(state) === "pending_deletion").toBe(true);
      }),
    );
  });
});
