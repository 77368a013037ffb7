import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../../test/setup/test-server.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

const id = (value: number | undefined): number => value ?? 0;

describe("children", () => {
  it("[B5] fail with the name of the parent that failed, and so do theirs, while each condition gets its due", async () => {
    const site = await server.site();
    const { ids } = await site.call("jobCreate", {
      body: {
        jobs: [
          { key: "parent", app: "app", site: site.id },
          { key: "ok", app: "app", site: site.id, parents: ["parent"] },
          { key: "any", app: "app", site: site.id, parents: [{ job: "parent", when: "any" }] },
          { key: "failed", app: "app", site: site.id, parents: [{ job: "parent", when: "failed" }] },
          { key: "grandchild", app: "app", site: site.id, parents: ["ok"] },
          { key: "cleanup", app: "app", site: site.id, parents: [{ job: "grandchild", when: "failed" }] },
        ],
      },
    });
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire({ maxJobs: 1 })).offers, { state: "RUN_ERROR" });
    expect(await site.states(...ids)).toEqual([
      "FAILED",
      "FAILED",
      "PREPROCESSED",
      "PREPROCESSED",
      "FAILED",
      "PREPROCESSED",
    ]);
    expect((await site.job(id(ids[1]))).reason).toBe(`parent ${ids[0]} ended FAILED; this job needs it to finish`);
    expect((await site.job(id(ids[4]))).reason).toBe(`parent ${ids[1]} ended FAILED; this job needs it to finish`);
    expect((await site.history(id(ids[1]))).at(-1)).toMatchObject({ from: "AWAITING_PARENTS", path: ["FAILED"] });
  });

  it("[B5] that wait for a failure fail when their parent finishes", async () => {
    const site = await server.site();
    const [parent] = await site.create({});
    const [child] = await site.create({ parents: [{ job: id(parent), when: "failed" }] });
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers);
    expect(await site.job(id(child))).toMatchObject({
      state: "FAILED",
      reason: `parent ${parent} ended JOB_FINISHED; this job needs it to fail`,
    });
  });

  it("start only when all of many parents have ended, at whichever site and in whichever order", async () => {
    const [site, other] = [await server.site(), await server.site()];
    const [a, b] = await site.create({}, {});
    const [c] = await other.create({});
    const [child] = await site.create({ parents: [id(a), id(b), id(c)] });
    const [pilot, elsewhere] = [await site.pilot(), await other.pilot()];
    await pilot.run((await pilot.acquire({ maxJobs: 1 })).offers);
    await elsewhere.run((await elsewhere.acquire()).offers);
    expect(await site.states(id(child))).toEqual(["AWAITING_PARENTS"]);
    await pilot.run((await pilot.acquire()).offers);
    expect(await site.states(id(child))).toEqual(["PREPROCESSED"]);
  });

  it("that their parents release together, level by level, are moved in one report", async () => {
    const site = await server.site();
    await site.app({ name: "hooked", command: "true", hooks: ["preprocess"] });
    const { ids } = await site.call("jobCreate", {
      body: {
        jobs: [
          { key: "a", app: "app", site: site.id },
          { key: "b", app: "app", site: site.id },
          { app: "hooked", site: site.id, parents: ["a", "b"] },
          { app: "app", site: site.id, parents: ["a"] },
        ],
      },
    });
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers);
    expect(await site.states(...ids)).toEqual(["JOB_FINISHED", "JOB_FINISHED", "STAGED_IN", "PREPROCESSED"]);
  });

  it("of one parent, five thousand of them, are released in one go", async () => {
    const site = await server.site();
    const { ids } = await site.call("jobCreate", {
      body: {
        jobs: [
          { key: "parent", app: "app", site: site.id },
          ...Array.from({ length: 5_000 }, () => ({ app: "app", site: site.id, parents: ["parent"] })),
        ],
      },
    });
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers);
    const states = await site.states(...ids);
    expect(states.filter((state) => state === "PREPROCESSED")).toHaveLength(5_000);
  });

  it("end with a parent that is killed or deleted", async () => {
    const site = await server.site();
    const [killed, deleted] = await site.create({}, {});
    const [first, second, freed] = await site.create(
      { parents: [id(killed)] },
      { parents: [id(deleted)] },
      { parents: [{ job: id(deleted), when: "any" }] },
    );
    await site.call("jobKill", { body: { ids: [id(killed)] } });
    await site.call("jobDelete", { body: { ids: [id(deleted)] } });
    expect(await site.job(id(first))).toMatchObject({
      state: "FAILED",
      reason: `parent ${killed} ended USER_KILLED; this job needs it to finish`,
    });
    expect(await site.job(id(second))).toMatchObject({
      state: "FAILED",
      reason: `parent ${deleted} was deleted; this job needs it to finish`,
    });
    expect(await site.states(id(freed))).toEqual(["PREPROCESSED"]);
  });

  it("never miss the end of a parent that comes while they are made", async () => {
    const site = await server.site();
    const parents = await site.create(...Array.from({ length: 30 }, () => ({})));
    const pilot = await site.pilot({ cores: 30 });
    const { offers } = await pilot.acquire();
    const made = await Promise.all([
      ...parents.map((parent) => site.create({ parents: [parent] })),
      pilot.run(offers.slice(0, 15)).then(() => pilot.run(offers.slice(15))),
    ]);
    const children = made.slice(0, 30).flatMap((ids) => (Array.isArray(ids) ? ids : []));
    expect(new Set(await site.states(...children))).toEqual(new Set(["PREPROCESSED"]));
  });
});

describe("retrying", () => {
  it("lets parents and children that failed with them run again in one call", async () => {
    const site = await server.site();
    const [parent] = await site.create({});
    const [child] = await site.create({ parents: [id(parent)] });
    const [grandchild] = await site.create({ parents: [id(child)] });
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers, { state: "RUN_ERROR" });
    const ids = [id(grandchild), id(child), id(parent)];
    expect(await site.states(...ids)).toEqual(["FAILED", "FAILED", "FAILED"]);
    expect(await site.call("jobRetry", { body: { ids } })).toMatchObject({ changed: 3, left: [] });
    expect(await site.states(...ids)).toEqual(["AWAITING_PARENTS", "AWAITING_PARENTS", "RESTART_READY"]);
    for (let level = 0; level < 3; level += 1) await pilot.run((await pilot.acquire()).offers);
    expect(await site.states(...ids)).toEqual(["JOB_FINISHED", "JOB_FINISHED", "JOB_FINISHED"]);
  });

  it("fails a child again at once where its parent stays failed, and says so", async () => {
    const site = await server.site();
    const [parent] = await site.create({});
    const [child] = await site.create({ parents: [id(parent)] });
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers, { state: "RUN_ERROR" });
    await site.call("jobRetry", { body: { ids: [id(child)] } });
    expect(await site.job(id(child))).toMatchObject({
      state: "FAILED",
      reason: expect.stringContaining(`parent ${parent}`),
    });
  });

  it("lets a child run whose parent came right after the child had failed for it", async () => {
    const site = await server.site();
    const [parent] = await site.create({});
    const [child] = await site.create({ parents: [id(parent)] });
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers, { state: "RUN_ERROR" });
    await site.call("jobRetry", { body: { ids: [id(parent)] } });
    await pilot.run((await pilot.acquire()).offers);
    await site.call("jobRetry", { body: { ids: [id(child)] } });
    expect(await site.states(id(parent), id(child))).toEqual(["JOB_FINISHED", "PREPROCESSED"]);
  });

  it("counts on from the attempts there were, and refuses a job that has not ended", async () => {
    const site = await server.site();
    const [ended, waiting] = await site.create({ priority: 1 }, {});
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire({ maxJobs: 1 })).offers);
    const answer = await site.call("jobRetry", { body: { ids: [id(ended), id(waiting)] } });
    expect(answer).toMatchObject({ changed: 1, left: [{ reason: "PREPROCESSED has not ended", count: 1 }] });
    const { offers } = await pilot.acquire({ maxJobs: 1 });
    expect(offers).toMatchObject([{ job: ended, attempt: 2 }]);
  });
});

describe("stages", () => {
  it("[B5] brings in a child's files only when its parents have ended, and fails the job with a transfer that fails", async () => {
    const site = await server.site();
    const transfers = [{ direction: "in" as const, location: "store", remotePath: "/a", localPath: "a" }];
    const [parent] = await site.create({});
    const [good, bad] = await site.create({ parents: [id(parent)], transfers }, { parents: [id(parent)], transfers });
    const listed = async (job: number | undefined) =>
      (await site.call("transferList", { query: { job: id(job) } })).items;
    expect((await listed(good)).map(({ state }) => state)).toEqual(["awaiting_job"]);
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers);
    expect(await site.states(id(good), id(bad))).toEqual(["READY", "READY"]);
    const [first, second] = [...(await listed(good)), ...(await listed(bad))];
    expect([first?.state, second?.state]).toEqual(["pending", "pending"]);
    await site.call("transferUpdate", {
      body: {
        items: [
          { id: id(first?.id), state: "done" },
          { id: id(second?.id), state: "error", reason: "no such file" },
        ],
      },
    });
    expect(await site.states(id(good), id(bad))).toEqual(["PREPROCESSED", "FAILED"]);
    expect((await site.job(id(bad))).reason).toContain("no such file");
  });

  it("takes files out once the job is done, and ends it with the last of them", async () => {
    const site = await server.site();
    const [job] = await site.create({
      transfers: [{ direction: "out", location: "store", remotePath: "/b", localPath: "b" }],
    });
    const pilot = await site.pilot();
    await pilot.run((await pilot.acquire()).offers);
    const [transfer] = (await site.call("transferList", { query: { job: id(job) } })).items;
    expect([await site.states(id(job)), transfer?.state]).toEqual([["POSTPROCESSED"], "pending"]);
    await site.call("transferUpdate", { body: { items: [{ id: id(transfer?.id), state: "done" }] } });
    expect(await site.states(id(job))).toEqual(["JOB_FINISHED"]);
  });
});
