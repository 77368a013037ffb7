import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FakePilot, startTestServer, type TestServer, type TestSite } from "../../../test/setup/test-server.ts";
import type { JobCreate } from "../../client/wire/entities.ts";
import type { ReportItem } from "../../client/wire/sessions.ts";
import { FAILURE_KINDS } from "../../model/attempts.ts";
import { ACTORS, HOOK_NAMES, isFinal, isRunnable, type JobState, mayMove } from "../../model/states.ts";
import { verdictOf } from "./dependencies.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

/** One thing that somebody does to a campaign; numbers choose among what there is. */
type Deed =
  | { readonly kind: "acquire" | "release" | "end" | "hooks" | "kill" | "retry" | "delete"; readonly n: number }
  | {
      readonly kind: "report";
      readonly n: number;
      readonly state: ReportItem["state"];
      readonly failure: (typeof FAILURE_KINDS)[number];
      readonly withStart: boolean;
    };

const states = fc.constantFrom<ReportItem["state"]>(
  "RUNNING",
  "RUN_DONE",
  "RUN_DONE",
  "RUN_ERROR",
  "RUN_TIMEOUT",
  "USER_KILLED",
);
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("acquire" as const), n: fc.nat() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("report" as const),
      n: fc.nat(),
      state: states,
      failure: fc.constantFrom(...FAILURE_KINDS),
      withStart: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("hooks" as const), n: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("kill" as const, "retry" as const, "release" as const, "end" as const, "delete" as const),
      n: fc.nat(),
    }),
  },
);
/** Jobs of which each may depend on those before it, and have hooks. */
const jobs = fc.array(
  fc.record({
    app: fc.constantFrom("app", "hooked"),
    parents: fc.array(
      fc.record({
        back: fc.integer({ min: 1, max: 4 }),
        when: fc.constantFrom("ok" as const, "any" as const, "failed" as const),
      }),
      { maxLength: 2 },
    ),
    retryOn: fc.subarray([...FAILURE_KINDS]),
    maxLosses: fc.nat(2),
  }),
  { minLength: 1, maxLength: 8 },
);

/** A site's campaign and the pilots that work on it. */
class World {
  readonly site: TestSite;
  ids: number[] = [];
  pilots: FakePilot[] = [];

  constructor(site: TestSite) {
    this.site = site;
  }

  async do(deed: Deed): Promise<void> {
    const one = this.ids[deed.n % Math.max(1, this.ids.length)];
    const body = { ids: one === undefined ? [] : [one] };
    const pilot = this.pilots[deed.n % 2] ?? (await this.#hire());
    switch (deed.kind) {
      case "acquire":
        await pilot.acquire({ maxJobs: 1 + (deed.n % 4) });
        return;
      case "release":
        await pilot.release(...this.ids);
        return;
      case "end":
        await pilot.end();
        this.pilots = this.pilots.filter((other) => other !== pilot);
        return;
      case "kill":
        if (one !== undefined) await this.site.call("jobKill", { body });
        return;
      case "retry":
        if (one !== undefined) await this.site.call("jobRetry", { body });
        return;
      case "delete":
        if (one !== undefined && deed.n % 3 === 0) await this.#delete(one);
        return;
      case "hooks":
        await this.#runHooks(deed.n);
        return;
      case "report":
        await this.#report(pilot, deed);
        return;
    }
  }

  async #hire(): Promise<FakePilot> {
    const pilot = await this.site.pilot({ cores: 100 });
    this.pilots.push(pilot);
    return pilot;
  }

  async #delete(id: number): Promise<void> {
    const { changed } = await this.site.call("jobDelete", { body: { ids: [id] } });
    if (changed > 0) this.ids = this.ids.filter((other) => other !== id);
  }

  /** What the pilot says may be true or not: it names jobs it does not hold and attempts that never were, too. */
  async #report(pilot: FakePilot, { n, state, failure, withStart }: Deed & { kind: "report" }): Promise<void> {
    const { rows } = await this.site.db.query<{ id: number; attempt: number; state: JobState }>(
      "SELECT id, attempt, state FROM job_life WHERE site_id = $1 AND (session_id = $2 OR id % 5 = $3 % 5) ORDER BY id",
      [this.site.id, pilot.id, n % 1000],
    );
    const items = rows.flatMap(({ id, attempt, state: present }) => {
      const base = {
        job: id,
        attempt: (isRunnable(present) ? attempt + 1 : Math.max(1, attempt)) + Number(n % 7 === 0),
      };
      return [...(withStart ? [{ ...base, state: "RUNNING" as const }] : []), { ...base, state, failure }];
    });
    await pilot.report(...items);
  }

  async #runHooks(n: number): Promise<void> {
    const { tasks } = await this.site.call("hooksAcquire", { params: { id: this.site.id }, body: { max: 5 } });
    const wishes = [null, null, "FAILED", "RESTART_READY", "RUN_DONE", "USER_KILLED"] as const;
    const outcomes = tasks.map(({ job, hook }, index) => ({
      job: job.id,
      attempt: job.attempt,
      hook,
      state: wishes[(n + index) % wishes.length] ?? null,
    }));
    await this.site.call("hooksComplete", { params: { id: this.site.id }, body: { outcomes } });
    await this.site.call("hooksComplete", { params: { id: this.site.id }, body: { outcomes } });
    await this.site.db.query("UPDATE job_life SET hook_until = NULL WHERE site_id = $1", [this.site.id]);
  }
}

describe("the server, whatever is done to a campaign", () => {
  it("keeps to the table of transitions, and rows, events, parents, sessions and counts agree", async () => {
    await fc.assert(
      fc.asyncProperty(jobs, fc.array(deed, { minLength: 5, maxLength: 40 }), async (drafts, deeds) => {
        const world = new World(await server.site());
        await world.site.app({ name: "hooked", command: "true", hooks: [...HOOK_NAMES] });
        for (const [index, { parents, ...job }] of drafts.entries()) {
          const named = parents.flatMap(({ back, when }) => {
            const parent = world.ids[index - back];
            return parent === undefined ? [] : [{ job: parent, when }];
          });
          const unique = [...new Map(named.map((parent) => [parent.job, parent])).values()];
          world.ids.push(...(await world.site.create({ ...job, parents: unique } satisfies Partial<JobCreate>)));
        }
        for (const each of deeds) {
          await world.do(each);
          await checkRows(world);
        }
        await checkEvents(world);
        await checkCounts(world);
      }),
      { numRuns: Number(process.env.CONIFER_PROPERTY_RUNS ?? 40) },
    );
  });
});

type Row = {
  id: number;
  state: JobState;
  waiting: number;
  session: number | null;
  alive: boolean | null;
  kill: boolean;
  unmet: number;
  attempt: number;
  losses: number;
};

async function checkRows({ site }: World): Promise<void> {
  const { rows } = await site.db.query<Row>(
    `SELECT l.id, l.state, l.waiting_for AS waiting, l.session_id AS session, s.ended IS NULL AS alive, l.kill_requested AS kill, l.attempt, l.losses,
       (SELECT count(*) FROM job_dependencies d WHERE d.child_id = l.id AND NOT d.met) AS unmet
     FROM job_life l LEFT JOIN sessions s ON s.id = l.session_id WHERE l.site_id = $1`,
    [site.id],
  );
  const edges = await site.db.query<{
    child: number;
    condition: "ok" | "any" | "failed";
    met: boolean;
    state: JobState | null;
  }>(
    `SELECT d.child_id AS child, d.condition, d.met, p.state FROM job_dependencies d JOIN job_life l ON l.id = d.child_id LEFT JOIN job_life p ON p.id = d.parent_id WHERE l.site_id = $1`,
    [site.id],
  );
  for (const { id, state, waiting, session, alive, kill, unmet, attempt, losses } of rows) {
    const where = `job ${id}, ${state}`;
    expect(waiting, where).toBe(unmet);
    expect(losses, where).toBeLessThanOrEqual(attempt);
    if (session !== null) expect([alive, state === "RUNNING" || isRunnable(state)], where).toEqual([true, true]);
    if (state === "RUNNING") expect(session, where).not.toBeNull();
    if (kill) expect(session, where).not.toBeNull();
    if (state !== "AWAITING_PARENTS") {
      if (!isFinal(state)) expect(waiting, where).toBe(0);
      continue;
    }
    // Somebody must be left to wait for, and nobody may have made it impossible.
    const open = edges.rows.filter(({ child, met }) => child === id && !met);
    expect(
      open.map((edge) => verdictOf(edge.condition, edge.state)),
      where,
    ).toEqual(open.map(() => "waiting"));
    expect(open.length, where).toBeGreaterThan(0);
  }
}

async function checkEvents({ site }: World): Promise<void> {
  const { rows } = await site.db.query<{ job: number; state: JobState; from: JobState; path: JobState[] }>(
    `SELECT e.job_id AS job, l.state, e.from_state AS "from", e.path FROM job_events e JOIN job_life l ON l.id = e.job_id WHERE l.site_id = $1 AND NOT e.stale ORDER BY e.id`,
    [site.id],
  );
  const last = new Map<number, JobState>();
  for (const { job, from, path } of rows) {
    expect(from, `job ${job}`).toBe(last.get(job) ?? "CREATED");
    let at = from;
    for (const next of path) {
      expect(
        ACTORS.some((actor) => mayMove(at, next, actor)),
        `job ${job}: ${at} > ${next}`,
      ).toBe(true);
      at = next;
    }
    last.set(job, at);
  }
  for (const { job, state } of rows) expect(last.get(job), `job ${job}`).toBe(state);
}

async function checkCounts({ site }: World): Promise<void> {
  const counted = await site.db.query(
    "SELECT state, count(*) AS n FROM job_life WHERE site_id = $1 GROUP BY 1 ORDER BY 1",
    [site.id],
  );
  const tally = await site.db.query(
    "SELECT state, sum(n) AS n FROM job_tally WHERE site_id = $1 GROUP BY 1 HAVING sum(n) <> 0 ORDER BY 1",
    [site.id],
  );
  expect(tally.rows).toEqual(counted.rows);
}
