import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshDatabase } from "../../../../test/setup/databases.ts";
import { type Job, jobCreateSchema } from "../../../client/wire/entities.ts";
import { jobFields, parseFilter } from "../../../model/filter.ts";
import { JOB_STATES } from "../../../model/states.ts";
import type { Database } from "../../database/index.ts";
import { createJobs } from "../create/index.ts";
import { loadJobs } from "../load.ts";
import { countBy, countJobs, findPage, parseJobQuery, readListRequest, writeCursor } from "./index.ts";
import { TUNING, type Tuning } from "./plan.ts";

const NOW = Date.parse("2026-11-20T12:00:00Z");
const OWNER = 1;
const STRANGER = 2;
let db: Database;
let jobs: Job[];

beforeAll(async () => {
  db = await freshDatabase();
  await db.exec(`
    INSERT INTO users (name) VALUES ('ann'), ('bob');
    INSERT INTO sites (owner_id, name, path) VALUES (1, 'here', '/h'), (1, 'there', '/t'), (2, 'here', '/b');
    INSERT INTO apps (site_id, name, definition) SELECT s, n, '{"name":"x","parameters":{},"hooks":[],"resources":{}}' FROM (VALUES (1,'md'),(1,'mc%'),(2,'md'),(3,'md')) AS v(s, n);`);
  jobs = await makeJobs();
});
afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

/** Jobs that differ in every field a filter knows; some of them a stranger's. */
async function makeJobs(): Promise<Job[]> {
  const names = ["a%b", "a_b", "A", "ä", "back\\slash", 'comma,quote"', "😀", "plain"];
  const items = Array.from({ length: 120 }, (_, i) =>
    jobCreateSchema.parse({
      app: 1 + (i % 3),
      name: names[i % names.length],
      workflow: ["", "w1", "w2"][i % 3],
      workdir: `d${i % 10}/x${i}`,
      tags: i % 4 === 0 ? {} : { k: `v${i % 5}`, ...(i % 7 === 0 ? { "odd key": "x y" } : {}) },
      data: i % 3 === 0 ? { n: i % 5, s: "t", nested: { a: 1 } } : {},
      priority: (i % 9) - 4,
      nodes: 1 + (i % 3),
      gpusPerRank: i % 2 === 0 ? 0.5 : 0,
      wallTimeMin: i / 7,
      parents: i > 10 && i % 5 === 0 ? [i - 10] : [],
    }),
  );
  for (let at = 0; at < items.length; at += 10)
    await db.transaction((tx) =>
      createJobs(tx, { userId: OWNER, items: items.slice(at, at + 10), now: NOW - (120 - at) * 60_000 }),
    );
  const foreign = [jobCreateSchema.parse({ app: 4, name: "plain", tags: { k: "v1" } })];
  await db.transaction((tx) => createJobs(tx, { userId: STRANGER, items: foreign, now: NOW }));
  await db.exec(`
    UPDATE job_life SET state = (ARRAY['JOB_FINISHED','FAILED','RUNNING']::job_state[])[1 + id % 3], exit_code = id % 4, attempt = id % 3,
      session_id = CASE WHEN id % 3 = 2 THEN 7 END, batch_job_id = id % 6, started = updated + interval '1 s', updated = updated + interval '1 ms' * id
    WHERE id % 2 = 0 AND id <= 120`);
  const ids = Array.from({ length: 120 }, (_, i) => i + 1);
  return loadJobs(db, ids);
}

/** The meaning of a filter, written apart from the SQL. */
function matches(job: Job, filter: string): boolean {
  const { field, key, op, values } = parseFilter(filter, jobFields(JOB_STATES), NOW);
  const has = (found: readonly unknown[]): boolean => {
    const equal = found.some((value) => values.some((wanted) => String(value) === String(wanted)));
    return op === "!=" ? !equal : equal;
  };
  if (field === "tags" || field === "data") {
    const object: Record<string, unknown> = job[field];
    const there = Object.hasOwn(object, key ?? "");
    const value = object[key ?? ""];
    const hit = values.some((wanted) => (wanted === "*" ? there : there && textOf(value) === String(wanted)));
    return op === "!=" ? !hit : hit;
  }
  const own: unknown =
    { session: job.sessionId, batchJob: job.batchJobId }[field] ??
    (field === "session" || field === "batchJob" ? null : job[field as keyof Job]);
  if (field === "parent" && (op === "=" || op === "!=")) return has(job.parents.map((parent) => parent.job));
  if (field === "parent") return job.parents.some((parent) => compare(parent.job, op, Number(values[0])));
  if (op === "=" || op === "!=") return has(own === null ? [] : [own]);
  if (own === null) return false;
  if (op === "~") return String(own).includes(String(values[0]));
  return typeof own === "number"
    ? compare(own, op, Number(values[0]))
    : compare(Date.parse(String(own)), op, Date.parse(String(values[0])));
}

function textOf(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value).replaceAll(":", ": ") : String(value);
}

function compare(a: number, op: string, b: number): boolean {
  return { "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b }[op] ?? false;
}

const filters = fc.oneof(
  fc.constantFrom(
    "state=JOB_FINISHED",
    "state!=JOB_FINISHED,FAILED",
    "state=RUNNING,FAILED",
    "app=md",
    'app="mc%"',
    "app~m",
    "app!=md",
    "site=there",
    "site~here",
    "site!=here",
    "name~%",
    "name~_",
    'name~"\\\\"',
    'name="comma,quote\\""',
    "name!=A",
    "name~😀",
    "name=ä",
    "workflow=w1",
    "workflow=w1,w2",
    'workflow=""',
    "workflow!=w1",
    "workdir~d3/",
    "tags.k=v1",
    "tags.k=v1,v2",
    "tags.k=*",
    "tags.k!=v1",
    "tags.k!=*",
    'tags."odd key"="x y"',
    "data.n=3",
    "data.n=*",
    "data.s!=t",
    'data.nested="{""}"'.replace('"{""}"', "*"),
    "parent=20",
    "parent!=20",
    "parent>50",
    "batchJob=3",
    "batchJob!=3",
    "session=7",
    "session!=7",
    "exitCode=0",
    "exitCode!=0",
    "exitCode>=2",
    "attempt<2",
    "gpusPerRank=0.5",
    "ranksPerNode=1",
    "created>-1h",
    "created<=2026-11-20T10:30:00Z",
    "updated>-30m",
    "started>-2h",
    "ended>-2h",
  ),
  fc.integer({ min: 0, max: 125 }).map((id) => `id<=${id}`),
  fc.uniqueArray(fc.integer({ min: 1, max: 130 }), { minLength: 1, maxLength: 6 }).map((ids) => `id=${ids.join(",")}`),
  fc.integer({ min: -5, max: 5 }).map((priority) => `priority>=${priority}`),
  fc.double({ min: 0, max: 18, noNaN: true }).map((wall) => `wallTimeMin<${wall.toFixed(3)}`),
);
const wheres = fc.array(filters, { maxLength: 3 });

const long: Tuning = { shortWalk: 0, firstWindow: 7 };

it("counts a job that was made before another one ended, where it counts that end", async () => {
  const item = jobCreateSchema.parse({ app: 4, workflow: "joined" });
  const make = () => db.transaction((tx) => createJobs(tx, { userId: STRANGER, items: [item], now: NOW }));
  const query = { ...parseJobQuery(["workflow=joined"], undefined, NOW), by: "state" } as const;
  const [first] = (await make()).ids;
  let isFirst = true;
  const moving: Database = {
    ...{ engine: db.engine, place: db.place, failed: db.failed, exec: db.exec.bind(db), query: db.query.bind(db) },
    ...{ listen: db.listen.bind(db), notify: db.notify.bind(db), maintain: db.maintain.bind(db) },
    async [Symbol.asyncDispose]() {},
    async transaction(work) {
      if (isFirst) {
        await make();
        await db.query("UPDATE job_life SET state = 'JOB_FINISHED' WHERE id = $1", [first]);
      }
      isFirst = false;
      return db.transaction(work);
    },
  };
  const counts = await countBy(moving, STRANGER, query, { shortWalk: 0, firstWindow: 5 });
  expect(counts).toEqual(
    new Map([
      ["JOB_FINISHED", 1],
      ["PREPROCESSED", 1],
    ]),
  );
});

describe.each([
  ["in one statement", TUNING],
  ["in windows of ids", long],
])("finding jobs %s", (_how, tuning) => {
  it("finds what the filters mean, and nothing of other users", async () => {
    await fc.assert(
      fc.asyncProperty(wheres, async (where) => {
        const query = parseJobQuery(where, undefined, NOW);
        const wanted = jobs.filter((job) => where.every((filter) => matches(job, filter))).map((job) => job.id);
        const { ids } = await findPage(db, OWNER, { ...query, limit: 1000, after: null }, tuning);
        expect(ids, where.join(" ")).toEqual(wanted);
        expect(await countJobs(db, OWNER, query, tuning)).toBe(wanted.length);
        const counts = await countBy(db, OWNER, { ...query, by: "state" }, tuning);
        expect([...counts.values()].reduce((sum, n) => sum + n, 0)).toBe(wanted.length);
      }),
      { numRuns: 300 },
    );
  });

  it("pages through every ordering without a job twice or left out", async () => {
    const orders = fc
      .uniqueArray(
        fc.constantFrom(
          "id",
          "state",
          "name",
          "workdir",
          "priority",
          "attempt",
          "nodes",
          "wallTimeMin",
          "created",
          "updated",
        ),
        { minLength: 1, maxLength: 3 },
      )
      .chain((fields) => fc.tuple(...fields.map((field) => fc.boolean().map((down) => `${down ? "-" : ""}${field}`))));
    await fc.assert(
      fc.asyncProperty(orders, wheres, fc.integer({ min: 1, max: 40 }), async (order, where, limit) => {
        const found: number[] = [];
        let after: string | undefined;
        do {
          const request = readListRequest({ where, order: order.join(","), after }, NOW);
          const page = await findPage(db, OWNER, { ...request, limit }, tuning);
          found.push(...page.ids);
          after = page.next ? writeCursor({ keys: page.next, now: request.now }, request.ordering) : undefined;
        } while (after !== undefined);
        const wanted = jobs.filter((job) => where.every((filter) => matches(job, filter)));
        expect(found).toHaveLength(wanted.length);
        expect(new Set(found)).toEqual(new Set(wanted.map((job) => job.id)));
        const first = order[0] ?? "id";
        const field = first.replace("-", "").replace("created", "id") as keyof Job;
        const keys = found.map((id) => sortKey(jobs[id - 1]?.[field], field));
        const sorted = [...keys].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
        expect(keys).toEqual(first.startsWith("-") ? sorted.reverse() : sorted);
      }),
      { numRuns: 100 },
    );
  });

  it("counts by app, site and workflow with and without filters", async () => {
    for (const where of [[], ["priority>0"], ["state=FAILED"]])
      for (const by of ["app", "site", "workflow", "state"] as const) {
        const counts = await countBy(db, OWNER, { ...parseJobQuery(where, undefined, NOW), by }, tuning);
        const wanted = new Map<string, number>();
        for (const job of jobs.filter((one) => where.every((filter) => matches(one, filter))))
          wanted.set(job[by], (wanted.get(job[by]) ?? 0) + 1);
        expect(counts).toEqual(wanted);
      }
  });

  it("[B8] refuses a filter that does not read instead of matching everything", () => {
    for (const filter of [
      "tags.k",
      "tags=x",
      "state=DONE",
      "prioriti=1",
      "priority>high",
      "name>5",
      "id=",
      "id=1,,2",
      "created>yesterday",
      "",
    ])
      expect(() => parseJobQuery([filter], undefined, NOW), filter).toThrow(/Filter/);
  });

  it("refuses a cursor of another ordering, and one that is none", () => {
    const cursor = writeCursor({ keys: [5], now: NOW }, [{ field: "id", descending: false }]);
    expect(readListRequest({ where: [], after: cursor }, NOW).after).toEqual([5]);
    expect(() => readListRequest({ where: [], order: "-id", after: cursor }, NOW)).toThrow(/another order/);
    for (const after of ["", "5", "bnVsbA", "e30", Buffer.from('["id",1,{}]').toString("base64url")])
      expect(() => readListRequest({ where: [], after }, NOW), after).toThrow(/next/);
  });
});

function sortKey(value: unknown, field: string): string | number {
  if (field === "state") return JOB_STATES.indexOf(value as Job["state"]);
  if (typeof value === "number") return value;
  return Buffer.from(String(value)).toString("hex");
}
