/** What happens at the same moment, on PostgreSQL really, on PGlite one after the other. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSite, type TestServer, type TestUser, testServer } from "../../../test/setup/server.ts";

let server: TestServer;
let ann: TestUser;
let site: number;
beforeAll(async () => {
  server = await testServer();
  ann = server.ann;
  site = await makeSite(ann, "here", [{ name: "md", command: "true" }]);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const capacity = { cores: 1000, gpus: 0, memoryBytes: 1e12 };

describe("at the same moment", () => {
  it("[B5] a parent ends and gets children: none of them waits for ever", async () => {
    const { ids: parents } = await ann.call("jobCreate", {
      body: { jobs: Array.from({ length: 60 }, () => ({ app: "md", workflow: "race" })) },
    });
    const { id } = await ann.call("sessionCreate", { body: { site, nodes: 1, capacity } });
    const params = { id };
    await ann.call("sessionAcquire", {
      params,
      body: { maxJobs: 100, free: { ...capacity, wholeNodes: 1 }, wallTimeLeftMin: null },
    });
    const at = server.clock.now;
    let batch = 1;
    await ann.call("sessionReport", {
      params,
      body: { batch, items: parents.map((job) => ({ job, attempt: 1, state: "RUNNING" as const, at })) },
    });
    const ending = async (): Promise<void> => {
      for (const job of parents) {
        batch += 1;
        const state = job % 2 === 0 ? ("RUN_DONE" as const) : ("RUN_ERROR" as const);
        await ann.call("sessionReport", {
          params,
          body: { batch, items: [{ job, attempt: 1, state, at, exitCode: job % 2 }] },
        });
      }
    };
    const children: number[] = [];
    const creating = async (from: number): Promise<void> => {
      for (let index = from; index < parents.length; index += 2) {
        const parent = parents[index] ?? 0;
        const jobs = (["ok", "any", "failed"] as const).map((when) => ({
          app: "md",
          parents: [{ job: parent, when }],
        }));
        children.push(...(await ann.call("jobCreate", { body: { jobs } })).ids);
      }
    };
    const depending = async (): Promise<void> => {
      for (const job of parents) {
        const { ids } = await ann.call("jobCreate", { body: { jobs: [{ app: "md" }] } });
        await ann.call("jobDependencies", { params: { id: ids[0] ?? 0 }, body: { parents: [{ job, when: "any" }] } });
        children.push(...ids);
      }
    };
    await Promise.all([ending(), creating(0), creating(1), depending()]);
    const { items } = await ann.call("jobList", { query: { where: [`id=${children.join(",")}`], limit: 1000 } });
    expect(items).toHaveLength(240);
    for (const job of items) {
      const [parent] = job.parents;
      const ended = (parent?.job ?? 0) % 2 === 0 ? "ok" : "failed";
      expect(job.state, `${parent?.when} of a parent that ended ${ended}`).toBe(
        parent?.when === "any" || parent?.when === ended ? "PREPROCESSED" : "FAILED",
      );
    }
  });

  it("an app is pruned and gets jobs: either it stays or they are refused", async () => {
    for (let round = 0; round < 10; round += 1) {
      await ann.call("appSync", { body: { site, apps: [{ name: "brief", command: "true" }] } });
      const [created, synced] = await Promise.all([
        ann.ask("jobCreate", { body: { jobs: [{ app: "brief" }] } }),
        ann.call("appSync", { body: { site, apps: [{ name: "md", command: "true" }], prune: true } }),
      ]);
      expect(synced.removed).toBe(created.status === 200 ? 0 : 1);
      if (created.status !== 200) continue;
      expect((await ann.ask("jobGet", { params: { id: created.ok.ids[0] ?? 0 } })).status).toBe(200);
      await ann.call("jobDelete", { body: { ids: created.ok.ids } });
      await ann.call("appSync", { body: { site, apps: [{ name: "md", command: "true" }], prune: true } });
    }
  });

  it("jobs are deleted and get children: the children do not wait for ever", async () => {
    for (let round = 0; round < 10; round += 1) {
      const { ids } = await ann.call("jobCreate", { body: { jobs: [{ app: "md" }] } });
      const [, created] = await Promise.all([
        ann.call("jobDelete", { body: { ids } }),
        ann.ask("jobCreate", { body: { jobs: [{ app: "md", parents: ids }] } }),
      ]);
      if (created.status !== 200) expect(created.problem.code).toBe("PARENT_NOT_FOUND");
      else expect((await ann.call("jobGet", { params: { id: created.ok.ids[0] ?? 0 } })).state).toBe("FAILED");
    }
  });
});
