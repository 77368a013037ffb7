/** Two users on one server: whatever one of them calls with the other's ids, nothing is shown and nothing changes. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeSite, type TestServer, type TestUser, testServer } from "../../../test/setup/server.ts";
import { type BodyInput, type OperationName, operations, type QueryInput } from "../../client/wire/operations.ts";

let server: TestServer;
let ann: TestUser;
let bob: TestUser;
/** Ids of Ann's things. */
let hers: {
  site: number;
  app: number;
  job: number;
  batchJob: number;
  session: number;
  transfer: number;
  token: number;
};

beforeAll(async () => {
  server = await testServer();
  ann = await server.user("ann-secret");
  bob = await server.user("bob");
  const site = await makeSite(ann, "secret-site", [
    { name: "secret-app", command: "secret-command", hooks: ["preprocess"] },
  ]);
  await makeSite(bob, "bobs-site", [{ name: "bobs-app", command: "true" }]);
  const transfer = { direction: "in" as const, location: "secret-store", remotePath: "/secret", localPath: "secret" };
  const { ids } = await ann.call("jobCreate", {
    body: {
      jobs: [
        { app: "secret-app", name: "secret-job", tags: { secret: "secret" }, transfers: [transfer] },
        { app: "secret-app", name: "secret-hook" },
      ],
    },
  });
  const batchJob = await ann.call("batchJobCreate", { body: { site, queue: "secret-queue" } });
  const session = await ann.call("sessionCreate", {
    body: { site, label: "secret-label", nodes: 1, capacity: { cores: 1, gpus: 0, memoryBytes: 0 } },
  });
  const { info } = await ann.call("tokenCreate", { body: { label: "secret-token" } });
  const [app] = (await ann.call("appList")).items;
  const [first] = (await ann.call("transferList", { query: {} })).items;
  hers = {
    site,
    app: app?.id ?? 0,
    job: ids[0] ?? 0,
    batchJob: batchJob.id,
    session: session.id,
    transfer: first?.id ?? 0,
    token: info.id,
  };
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

type Attempt<N extends OperationName> = { params?: { id: number }; query?: QueryInput<N>; body?: BodyInput<N> };
type Attempts = { [N in OperationName]: readonly Attempt<N>[] };

const capacity = { cores: 1, gpus: 0, memoryBytes: 0 };
/** What Bob tries: every operation, with Ann's ids and names wherever it takes some. An operation left out does not type-check. */
const attempts = (): Attempts => ({
  health: [{}],
  status: [{}],
  whoami: [{}],
  userList: [{}],
  userCreate: [{ body: { name: "eve" } }],
  userDelete: [{ params: { id: ann.id } }],
  tokenList: [{}],
  tokenCreate: [{ body: {} }],
  tokenRevoke: [{ params: { id: hers.token } }],
  siteList: [{}],
  siteCreate: [{ body: { name: "other", path: "/o" } }],
  siteGet: [{ params: { id: hers.site } }],
  siteUpdate: [{ params: { id: hers.site }, body: { name: "mine" } }],
  siteDelete: [{ params: { id: hers.site } }],
  siteHeartbeat: [{ params: { id: hers.site }, body: { report: { mine: true } } }],
  siteDemand: [{ params: { id: hers.site }, query: {} }],
  hooksAcquire: [{ params: { id: hers.site }, body: { max: 10 } }],
  hooksComplete: [
    {
      params: { id: hers.site },
      body: { outcomes: [{ job: hers.job + 1, attempt: 0, hook: "preprocess", kill: [hers.job] }] },
    },
  ],
  appList: [
    { query: {} },
    { query: { site: String(hers.site) } },
    { query: { site: "secret-site" } },
    { query: { name: "secret-app" } },
  ],
  appGet: [{ params: { id: hers.app } }],
  appSync: [
    { body: { site: hers.site, apps: [], prune: true } },
    { body: { site: "secret-site", apps: [{ name: "x", command: "x" }] } },
  ],
  appDelete: [{ params: { id: hers.app } }],
  jobCreate: [
    { body: { jobs: [{ app: hers.app }] } },
    { body: { jobs: [{ app: "secret-app" }] } },
    { body: { jobs: [{ app: "bobs-app", parents: [hers.job] }] } },
    { body: { jobs: [{ app: "bobs-app", inputs: [{ from: hers.job, files: ["x"] }] }] } },
  ],
  jobList: [
    { query: { total: true } },
    { query: { where: [`id=${hers.job}`], total: true } },
    { query: { where: ["tags.secret=secret"] } },
  ],
  jobCounts: [{ query: {} }, { query: { by: "app" } }, { query: { where: ["site=secret-site"] } }],
  jobGet: [{ params: { id: hers.job } }],
  jobHistory: [{ params: { id: hers.job } }],
  jobExplain: [{ params: { id: hers.job } }],
  jobUpdate: [
    { body: { ids: [hers.job], set: { name: "mine" } } },
    { body: { where: ["id>0"], set: { name: "mine" } } },
  ],
  jobKill: [{ body: { ids: [hers.job], recursive: true } }, { body: { where: ["id>0"] } }],
  jobRetry: [{ body: { ids: [hers.job] } }, { body: { where: ["id>0"] } }],
  jobDelete: [{ body: { ids: [hers.job] } }, { body: { where: ["id>0"] } }],
  jobDependencies: [{ params: { id: hers.job }, body: { parents: [{ job: hers.job + 1 }] } }],
  jobTree: [{ params: { id: hers.job } }],
  eventList: [{ query: { total: true } }, { query: { where: [`job=${hers.job}`] } }],
  sessionList: [{ query: {} }, { query: { site: "secret-site" } }],
  sessionCreate: [
    { body: { site: hers.site, nodes: 1, capacity } },
    { body: { site: "bobs-site", batchJob: hers.batchJob, nodes: 1, capacity } },
  ],
  sessionHeartbeat: [{ params: { id: hers.session }, body: {} }],
  sessionAcquire: [
    { params: { id: hers.session }, body: { maxJobs: 5, free: { ...capacity, wholeNodes: 1 }, wallTimeLeftMin: null } },
  ],
  sessionReport: [
    {
      params: { id: hers.session },
      body: { batch: 1, items: [{ job: hers.job, attempt: 1, state: "RUNNING", at: 0 }] },
    },
  ],
  sessionRelease: [{ params: { id: hers.session }, body: { jobs: [hers.job] } }],
  sessionEnd: [{ params: { id: hers.session }, query: {} }],
  batchJobList: [{ query: { total: true } }],
  batchJobCreate: [{ body: { site: hers.site } }, { body: { site: "secret-site" } }],
  batchJobGet: [{ params: { id: hers.batchJob } }],
  batchJobCancel: [{ params: { id: hers.batchJob }, body: {} }],
  batchJobUpdate: [{ body: { items: [{ id: hers.batchJob, state: "running" }] } }],
  transferList: [{ query: {} }, { query: { job: hers.job } }, { query: { site: "secret-site" } }],
  transferUpdate: [{ body: { items: [{ id: hers.transfer, state: "done" }] } }],
});

/** All that is Ann's, as text. */
async function picture(): Promise<string> {
  const tables = [
    "sites WHERE id = $1",
    "apps WHERE site_id = $1",
    "jobs WHERE site_id = $1",
    "job_life WHERE site_id = $1",
    "batch_jobs WHERE site_id = $1",
    "sessions WHERE site_id = $1",
  ];
  const rows: unknown[] = [];
  for (const table of tables)
    rows.push((await server.db.query(`SELECT * FROM ${table} ORDER BY id`, [hers.site])).rows);
  for (const table of ["transfers", "job_dependencies", "job_events"])
    rows.push((await server.db.query(`SELECT * FROM ${table}`)).rows);
  rows.push((await server.db.query("SELECT id, name, admin FROM users WHERE id = $1", [ann.id])).rows);
  rows.push((await server.db.query("SELECT id, label FROM tokens WHERE user_id = $1 ORDER BY id", [ann.id])).rows);
  return JSON.stringify(rows, null, 1);
}

describe("what one user does with the ids of another", () => {
  it.each(Object.keys(operations) as OperationName[])("%s shows nothing and changes nothing", async (name) => {
    const before = await picture();
    for (const attempt of attempts()[name]) {
      const answer = await bob.ask(name, attempt as never);
      expect(answer.status, JSON.stringify(answer.problem)).toBeLessThan(500);
      const echoed = JSON.stringify(attempt);
      const text = JSON.stringify(answer.ok);
      for (const word of text.match(/secret[-\w]*/g) ?? []) expect(echoed, text).toContain(word);
    }
    expect(await picture()).toBe(before);
  });

  it("looks like what is not there", async () => {
    const missing = 999_999;
    for (const name of ["siteGet", "appGet", "jobGet", "jobHistory", "jobExplain", "jobTree", "batchJobGet"] as const) {
      const kind = name.startsWith("job")
        ? "job"
        : name.startsWith("batch")
          ? "batchJob"
          : name === "siteGet"
            ? "site"
            : "app";
      const [theirs, none] = await Promise.all([
        bob.ask(name, { params: { id: hers[kind] } }),
        bob.ask(name, { params: { id: missing } }),
      ]);
      expect(theirs.status).toBe(404);
      expect(theirs.problem.detail.replace(String(hers[kind]), "X")).toBe(
        none.problem.detail.replace(String(missing), "X"),
      );
    }
  });
});

describe("what only admins may", () => {
  it.each(
    (Object.keys(operations) as OperationName[]).filter(
      (name) => "access" in operations[name] && operations[name].access === "admin",
    ),
  )("%s is forbidden to others, with the reason", async (name) => {
    for (const attempt of attempts()[name]) {
      const { status, problem } = await bob.ask(name, attempt as never);
      expect(status).toBe(403);
      expect(problem).toMatchObject({ code: "FORBIDDEN", detail: expect.stringContaining("bob may not") });
    }
  });
});

describe("users and tokens", () => {
  it("are added by admins; the first token works at once", async () => {
    const { user, token } = await server.ann.call("userCreate", { body: { name: "carl" } });
    const answer = await server.http.inject({ url: "/whoami", headers: { authorization: `Bearer ${token}` } });
    expect(answer.json()).toEqual(user);
    expect((await server.ann.ask("userCreate", { body: { name: "carl" } })).problem.code).toBe("ALREADY_EXISTS");
    expect((await server.ann.ask("userCreate", { body: { name: "no name" } })).status).toBe(422);
    expect((await server.ann.call("userList")).items.map((one) => one.name)).toContain("carl");
  });

  it("a revoked token is refused from that moment on, others go on", async () => {
    const { token, info } = await bob.call("tokenCreate", { body: { label: "laptop" } });
    const whoami = () => server.http.inject({ url: "/whoami", headers: { authorization: `Bearer ${token}` } });
    expect((await whoami()).statusCode).toBe(200);
    expect((await bob.call("tokenList")).items.map((one) => one.label)).toContain("laptop");
    await bob.call("tokenRevoke", { params: { id: info.id } });
    expect((await whoami()).statusCode).toBe(401);
    expect((await bob.call("whoami")).name).toBe("bob");
  });

  it("a token ends at its time", async () => {
    const { token } = await bob.call("tokenCreate", { body: { expiresSec: 3600 } });
    const whoami = () => server.http.inject({ url: "/whoami", headers: { authorization: `Bearer ${token}` } });
    await server.db.query("UPDATE tokens SET expires = $1 WHERE expires IS NOT NULL", [
      new Date(server.clock.now + 60_000),
    ]);
    expect((await whoami()).statusCode).toBe(200);
    server.clock.now += 61_000;
    expect((await whoami()).statusCode).toBe(401);
  });

  it("a removed user is logged out, and their name is free again", async () => {
    const dora = await server.user("dora");
    await makeSite(dora, "doras", [{ name: "x", command: "x" }]);
    await server.ann.call("userDelete", { params: { id: dora.id } });
    expect((await dora.ask("whoami")).status).toBe(401);
    expect((await server.ann.call("userCreate", { body: { name: "dora" } })).user.id).not.toBe(dora.id);
    expect((await server.ann.ask("userDelete", { params: { id: server.ann.id } })).problem.code).toBe("FORBIDDEN");
  });

  it("no token is stored as it is", async () => {
    const { rows } = await server.db.query<{ row: string }>("SELECT t::text AS row FROM tokens t");
    for (const user of [ann, bob]) for (const { row } of rows) expect(row).not.toContain(user.token.slice(4));
  });
});
