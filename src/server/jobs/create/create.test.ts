import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSite, type TestServer, type TestUser, testServer } from "../../../../test/setup/server.ts";
import type { BodyInput } from "../../../client/wire/operations.ts";
import { settle } from "../../../model/life.ts";
import { type JobState, mayMove } from "../../../model/states.ts";

type Items = BodyInput<"jobCreate">["jobs"];
let server: TestServer;
let ann: TestUser;
let here: number;
let there: number;

beforeAll(async () => {
  server = await testServer();
  ann = server.ann;
  here = await makeSite(ann, "here", [
    { name: "md", command: "md {{steps}} {{seed}}", parameters: { steps: { type: "integer" }, seed: { default: 1 } } },
    {
      name: "plain",
      command: "true",
      resources: { nodes: 2, gpusPerRank: 0.5 },
      limitSec: 60,
      environment: { A: "b" },
    },
    { name: "patient", command: "true", maxAttempts: 5 },
    { name: "picky", command: "true", maxAttempts: 5, retryOn: ["lost", "timeout"] },
    { name: "hooked", command: "true", hooks: ["preprocess", "postprocess", "onError", "onTimeout"] },
  ]);
  there = await makeSite(ann, "there", [
    { name: "plain", command: "true" },
    { name: "remote", command: "true" },
  ]);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const create = async (jobs: Items): Promise<number[]> => (await ann.call("jobCreate", { body: { jobs } })).ids;
const get = (id: number) => ann.call("jobGet", { params: { id } });
const refused = async (jobs: Items): Promise<string> => {
  const before = (await ann.call("jobCounts")).total;
  const { status, problem } = await ann.ask("jobCreate", { body: { jobs } });
  expect(status).toBe(422);
  expect((await ann.call("jobCounts")).total).toBe(before);
  return `${problem.code}: ${problem.detail}`;
};
/** Ends a job in a state, as its pilot would have it end. */
const end = async (id: number, state: JobState): Promise<void> => {
  await server.db.query("UPDATE job_life SET state = $2::job_state WHERE id = $1", [id, state]);
};

describe("a new job", () => {
  it("without parents, transfers and hooks is runnable at once, and one event tells the way", async () => {
    const [id = 0] = await create([
      { app: "md", parameters: { steps: 10 }, name: "first", tags: { k: "v" }, data: { n: 1 }, priority: 7 },
    ]);
    expect(await get(id)).toMatchObject({
      state: "PREPROCESSED", site: "here", app: "md", name: "first", workdir: `md/first_${id}`, tags: { k: "v" }, parameters: { steps: 10 },
      data: { n: 1 }, priority: 7, attempt: 0, parents: [], inputs: [], nodes: 1, maxAttempts: 3, retryOn: ["timeout"], limitSec: null, reason: "",
    }); // biome-ignore format: a list
    const { items } = await ann.call("jobHistory", { params: { id } });
    expect(items).toHaveLength(1);
    expect(items[0]).toMatchObject({
      from: "CREATED",
      path: ["READY", "STAGED_IN", "PREPROCESSED"],
      attempt: 0,
      stale: false,
    });
    expect(items[0]?.at).toBe("2026-11-20T12:00:00.000000Z");
  });

  it("waits for the hook its app has", async () => {
    const [id = 0] = await create([{ app: "hooked" }]);
    expect((await get(id)).state).toBe("STAGED_IN");
  });

  it("waits for stage-in, and its transfers can begin", async () => {
    const transfer = { direction: "in" as const, location: "store", remotePath: "/r/a", localPath: "a" };
    const [id = 0] = await create([{ app: "patient", transfers: [transfer, { ...transfer, direction: "out" }] }]);
    expect((await get(id)).state).toBe("READY");
    const { items } = await ann.call("transferList", { query: { job: id } });
    expect(items.map(({ direction, state }) => `${direction} ${state}`)).toEqual(["in pending", "out awaiting_job"]);
  });

  it("[B18] takes resources and limits from its app where it does not say otherwise", async () => {
    const ids = await create([
      { app: "plain", site: "here" },
      { app: "plain", site: "here", nodes: 1, limitSec: null, gpusPerRank: 0.25, memoryPerNodeBytes: 5e9 },
    ]);
    const [first, second] = await Promise.all(ids.map(get));
    expect(first).toMatchObject({ nodes: 2, gpusPerRank: 0.5, limitSec: 60, environment: {} });
    expect(second).toMatchObject({ nodes: 1, gpusPerRank: 0.25, limitSec: null, memoryPerNodeBytes: 5e9 });
  });

  it.each<[Items[number], number, string[]]>([
    [{ app: "patient" }, 5, ["error", "limit", "output", "timeout"]],
    [{ app: "picky" }, 5, ["lost", "timeout"]],
    [{ app: "picky", maxAttempts: 2 }, 2, ["lost", "timeout"]],
    [{ app: "remote", maxAttempts: 2 }, 2, ["error", "limit", "output", "timeout"]],
    [{ app: "remote", maxAttempts: 2, retryOn: [] }, 2, []],
    [{ app: "remote" }, 3, ["timeout"]],
  ])("[B18] is retried by the rule: %j", async (item, maxAttempts, retryOn) => {
    const [id = 0] = await create([item]);
    expect(await get(id)).toMatchObject({ maxAttempts, retryOn });
  });

  it("gets a workdir of safe names, whatever it is called", async () => {
    const names = ["../../etc", "a b/c", ".hidden", "", "-rf", "ü$(x)`y`", "x".repeat(250)];
    const ids = await create(names.map((name) => ({ app: "remote", name, workflow: "../w/$f" })));
    for (const [index, id] of ids.entries()) {
      const job = await get(id);
      expect(job.name).toBe(names[index]);
      expect(job.workdir).toMatch(/^_\._w__f\/[A-Za-z0-9_][A-Za-z0-9_.+=@,-]*_\d+$/);
      expect(job.workdir.endsWith(`_${id}`)).toBe(true);
    }
  });

  it("keeps shell characters, quotes and Unicode of parameters as they are", async () => {
    const seed = "'; rm -rf / #$(touch x)`id`\\\"\n\t😀 ﷽ \u2028";
    const [id = 0] = await create([
      {
        app: "md",
        parameters: { steps: 1, seed },
        environment: { X: seed },
        data: { seed },
        tags: { [seed.slice(0, 40)]: seed },
      },
    ]);
    expect(await get(id)).toMatchObject({
      parameters: { seed },
      environment: { X: seed },
      data: { seed },
      tags: { [seed.slice(0, 40)]: seed },
    });
  });
});

describe("a request that is wrong in one item", () => {
  it.each<[string, Items, RegExp]>([
    ["an unknown app", [{ app: "remote" }, { app: "nope" }], /^BAD_INPUT: jobs\[1\]\.app: there is no app "nope"$/],
    ["an unknown site", [{ app: "plain", site: "nowhere" }], /^BAD_INPUT: jobs\[0\]\.app: there is no app "plain" at site "nowhere"; it is at here, there$/],
    ["an app at two sites", [{ app: "plain" }], /^BAD_INPUT: jobs\[0\]\.site: more than one site has an app "plain": name one of here, there$/],
    ["an unknown parameter", [{ app: "md", parameters: { steps: 1, step: 2 } }], /^UNKNOWN_PARAMETER: jobs\[0\]\.parameters\.step: app md has no parameter step$/],
    ["a missing parameter", [{ app: "md" }], /^MISSING_PARAMETER: jobs\[0\]\.parameters: app md needs parameter steps$/],
    ["a parameter of another type", [{ app: "md", parameters: { steps: "many" } }], /^BAD_INPUT: jobs\[0\]\.parameters\.steps: expected a whole number, got "many"$/],
    ["an unknown resource", [{ app: "remote", cpus: 4 } as Items[number]], /^BAD_INPUT: jobs\[0\]: unknown field "cpus"$/],
    ["an unknown parent", [{ app: "remote", parents: [999_999] }], /^PARENT_NOT_FOUND: jobs\[0\]\.parents\[0\]: there is no parent job 999999$/],
    ["an unknown key", [{ app: "remote", parents: ["x"] }], /^PARENT_NOT_FOUND: jobs\[0\]\.parents\[0\]: there is no parent job "x"$/],
    ["a key twice", [{ app: "remote", key: "x" }, { app: "remote", key: "x" }], /^BAD_INPUT: jobs\[1\]\.key: "x" is the key of jobs\[0\] too$/],
    ["a parent under two conditions", [{ app: "remote", key: "x" }, { app: "remote", parents: ["x", { job: "x", when: "any" }] }], /^BAD_INPUT: jobs\[1\]\.parents\[1\]: "x" is listed before as ok$/],
    ["itself as parent", [{ app: "remote", key: "x", parents: ["x"] }], /^DEPENDENCY_CYCLE: jobs\[0\]\.parents: the dependencies form a cycle: x → x$/],
    ["a cycle", [{ app: "remote", key: "a", parents: ["c"] }, { app: "remote", key: "b", parents: ["a"] }, { app: "remote", key: "c", parents: ["b"] }], /^DEPENDENCY_CYCLE: .*: (a → b → c → a|b → c → a → b|c → a → b → c)$/],
    ["a workdir above", [{ app: "remote", workdir: "../x" }], /^BAD_INPUT: jobs\[0\]\.workdir: must be relative and may not contain \.\., got "\.\.\/x"$/],
    ["a workdir above, deeper", [{ app: "remote", workdir: "a/../../x" }], /^BAD_INPUT: jobs\[0\]\.workdir: must be relative/],
    ["an absolute workdir", [{ app: "remote", workdir: "/etc" }], /^BAD_INPUT: jobs\[0\]\.workdir: must be relative/],
    ["data/ itself as workdir", [{ app: "remote", workdir: "." }], /^UNSAFE_PATH: jobs\[0\]\.workdir: "\." leaves its directory$/],
    ["an empty part in its workdir", [{ app: "remote", workdir: "a//b" }], /^UNSAFE_PATH/],
    ["a control character in its workdir", [{ app: "remote", workdir: "a\nb" }], /^UNSAFE_PATH/],
    ["a workdir that is too long", [{ app: "remote", workdir: `a/${"x".repeat(300)}` }], /^UNSAFE_PATH/],
    ["input files above", [{ app: "remote", key: "x" }, { app: "remote", inputs: [{ from: "x", files: ["../y"] }] }], /^BAD_INPUT: jobs\[1\]\.inputs\[0\]\.files\[0\]: must be relative/],
    ["files of a parent at another site", [{ app: "remote", key: "x" }, { app: "patient", inputs: [{ from: "x", files: ["y"] }] }], /^BAD_INPUT: jobs\[1\]\.inputs\[0\]\.from: this parent is at another site; .*transfers/],
    ["files of an unknown parent", [{ app: "remote", inputs: [{ from: 999_999, files: ["y"] }] }], /^PARENT_NOT_FOUND: jobs\[0\]\.inputs\[0\]\.from/],
    ["a priority out of range", [{ app: "remote", priority: 1e9 }], /^BAD_INPUT: jobs\[0\]\.priority: expected at most 1000000, got 1000000000$/],
  ])("is refused for %s, and none of its jobs is made", async (_what, jobs, problem) => {
    expect(await refused([{ app: "remote" }, ...jobs].slice(1))).toMatch(problem);
  }); // biome-ignore format: a table

  it("is refused for a job that is too large whole", async () => {
    const { status, problem } = await ann.ask("jobCreate", {
      body: { jobs: [{ app: "remote" }, { app: "remote", data: { x: "y".repeat(3_000_000) } }] },
    });
    expect(status).toBe(413);
    expect(problem.detail).toMatch(/^jobs\[1\] is 2\.9 MiB, over the limit of 2\.0 MiB$/);
  });
});

describe("parents", () => {
  it("may be named by key, in any order, at other sites, and as the source of files", async () => {
    const [merge = 0, grid = 0, other = 0] = await create([
      {
        app: "patient",
        parents: [{ job: "other", when: "any" }],
        inputs: [{ from: "grid", files: ["grid.json"], mode: "copy" }],
      },
      { app: "patient", key: "grid" },
      { app: "remote", key: "other" },
    ]);
    const job = await get(merge);
    expect(job).toMatchObject({
      state: "AWAITING_PARENTS",
      inputs: [{ from: grid, files: ["grid.json"], mode: "copy" }],
    });
    expect(job.parents).toEqual([
      { job: grid, when: "ok" },
      { job: other, when: "any" },
    ]);
    expect((await get(other)).site).toBe("there");
  });

  it.each<[JobState, "ok" | "any" | "failed", JobState]>([
    ["JOB_FINISHED", "ok", "PREPROCESSED"],
    ["JOB_FINISHED", "any", "PREPROCESSED"],
    ["JOB_FINISHED", "failed", "FAILED"],
    ["FAILED", "ok", "FAILED"],
    ["FAILED", "any", "PREPROCESSED"],
    ["FAILED", "failed", "PREPROCESSED"],
    ["USER_KILLED", "ok", "FAILED"],
    ["USER_KILLED", "failed", "PREPROCESSED"],
    ["RUNNING", "any", "AWAITING_PARENTS"],
  ])(
    "[B5] that have ended count at once: a parent %s under %s makes its child %s",
    async (parentState, when, state) => {
      const [parent = 0] = await create([{ app: "remote" }]);
      await end(parent, parentState);
      const [child = 0, grandchild = 0] = await create([
        { app: "remote", key: "c", parents: [{ job: parent, when }] },
        { app: "remote", parents: ["c"] },
      ]);
      const job = await get(child);
      expect(job.state).toBe(state);
      if (state !== "FAILED") return;
      expect(job.reason).toContain(`parent ${parent} ended ${parentState}`);
      expect(await get(grandchild)).toMatchObject({
        state: "FAILED",
        reason: `parent ${child} ended FAILED; this job needs it to finish`,
      });
      const { items } = await ann.call("jobHistory", { params: { id: child } });
      expect(items[0]).toMatchObject({ path: ["AWAITING_PARENTS", "FAILED"], data: { reason: job.reason } });
    },
  );

  it("of other users are unknown", async () => {
    const bob = await server.user("bob");
    await makeSite(bob, "here", [{ name: "bobs", command: "true" }]);
    const { ids } = await bob.call("jobCreate", { body: { jobs: [{ app: "bobs" }] } });
    expect(await refused([{ app: "remote", parents: ids }])).toMatch(/^PARENT_NOT_FOUND/);
    expect(await refused([{ app: "bobs" }])).toMatch(/there is no app "bobs"/);
  });

  it("make any graph that has no cycle as the model says, and refuse every other", async () => {
    const graphs = fc.integer({ min: 1, max: 12 }).chain((size) =>
      fc
        .array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1), fc.constantFrom("ok", "any", "failed")), {
          maxLength: 20,
        })
        .map((edges) => ({ size, edges })),
    );
    await fc.assert(
      fc.asyncProperty(graphs, async ({ size, edges }) => {
        const parentsOf = Array.from({ length: size }, () => new Map<number, "ok" | "any" | "failed">());
        for (const [child, parent, when] of edges) parentsOf[child]?.set(parent, when);
        const jobs = parentsOf.map((parents, index) => ({
          app: "remote",
          key: `k${index}`,
          parents: [...parents].map(([parent, when]) => ({ job: `k${parent}`, when })),
        }));
        const answer = await ann.ask("jobCreate", { body: { jobs } });
        if (hasCycle(parentsOf.map((parents) => [...parents.keys()]))) {
          expect(answer.problem.code).toBe("DEPENDENCY_CYCLE");
          return;
        }
        const { ids } = answer.ok;
        for (const [index, id] of ids.entries()) {
          const job = await get(id);
          const wanted = [...(parentsOf[index] ?? [])].map(([parent, when]) => ({ job: ids[parent], when }));
          expect(new Set(job.parents.map((parent) => JSON.stringify(parent)))).toEqual(
            new Set(wanted.map((parent) => JSON.stringify(parent))),
          );
          const { path } = settle("CREATED", {
            stages: NO_STAGES,
            waitingFor: wanted.length,
            attempt: 0,
            losses: 0,
            policy: { maxAttempts: 3, retryOn: [], maxLosses: 3 },
            failure: null,
          });
          expect(job.state).toBe(path.at(-1));
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("the first event of a job", () => {
  it("holds only moves that the table of transitions has", async () => {
    const { items } = await ann.call("eventList", { query: { limit: 1000 } });
    expect(items.length).toBeGreaterThan(20);
    for (const { from, path } of items)
      for (const [index, to] of path.entries())
        expect(mayMove(path[index - 1] ?? from, to, "server"), `${from} ${path}`).toBe(true);
  });
});

describe("a repeated request", () => {
  it("under the same key gets the same ids and makes nothing twice", async () => {
    const body = { jobs: [{ app: "remote" }, { app: "remote" }] };
    const before = (await ann.call("jobCounts")).total;
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => ann.call("jobCreate", { body, idempotencyKey: "once" })),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect((await ann.call("jobCounts")).total).toBe(before + 2);
  });

  it("with other content under the same key is refused", async () => {
    await ann.call("jobCreate", { body: { jobs: [{ app: "remote" }] }, idempotencyKey: "mine" });
    const { status, problem } = await ann.ask("jobCreate", {
      body: { jobs: [{ app: "remote", name: "x" }] },
      idempotencyKey: "mine",
    });
    expect(status).toBe(409);
    expect(problem.code).toBe("IDEMPOTENCY_MISMATCH");
  });

  it("that failed the first time is done the second time", async () => {
    const body = { jobs: [{ app: "later", site: "there" }] };
    expect((await ann.ask("jobCreate", { body, idempotencyKey: "later" })).status).toBe(422);
    await ann.call("appSync", { body: { site: there, apps: [{ name: "later", command: "true" }] } });
    expect((await ann.call("jobCreate", { body, idempotencyKey: "later" })).ids).toHaveLength(1);
  });

  it("of another user under the same key is another request", async () => {
    const carl = await server.user("carl");
    await makeSite(carl, "here", [{ name: "remote", command: "true" }]);
    const body = { jobs: [{ app: "remote" }] };
    const [mine] = (await ann.call("jobCreate", { body, idempotencyKey: "shared" })).ids;
    const [theirs] = (await carl.call("jobCreate", { body, idempotencyKey: "shared" })).ids;
    expect(theirs).not.toBe(mine);
  });
});

describe("tens of thousands in one request", () => {
  it("are created in order, a chain and a fan among them", async () => {
    const size = 20_000;
    const jobs = Array.from({ length: size }, (_, index) => ({
      app: "remote", key: `k${index}`, name: `n${index}`, workflow: "large", ...(index === 0 ? {} : { parents: [index % 2 === 0 ? `k${index - 2}` : "k0"] }),
    })); // biome-ignore format: a record
    const ids = await create(jobs);
    expect(ids).toHaveLength(size);
    expect(ids.every((id, index) => index === 0 || id > (ids[index - 1] ?? 0))).toBe(true);
    expect(await get(ids[9_999] ?? 0)).toMatchObject({ name: "n9999", parents: [{ job: ids[0], when: "ok" }] });
    const { counts } = await ann.call("jobCounts", { query: { where: ["workflow=large"] } });
    expect(counts).toEqual([
      { key: "AWAITING_PARENTS", count: size - 1 },
      { key: "PREPROCESSED", count: 1 },
    ]);
    expect(here).not.toBe(there);
  });
});

const NO_STAGES = {
  stageIn: false,
  preprocess: false,
  postprocess: false,
  stageOut: false,
  onError: false,
  onTimeout: false,
};

function hasCycle(parentsOf: readonly (readonly number[])[]): boolean {
  const state = new Map<number, "open" | "done">();
  const visit = (item: number): boolean => {
    if (state.get(item) === "open") return true;
    if (state.get(item) === "done") return false;
    state.set(item, "open");
    const found = (parentsOf[item] ?? []).some(visit);
    state.set(item, "done");
    return found;
  };
  return parentsOf.some((_, item) => visit(item));
}
