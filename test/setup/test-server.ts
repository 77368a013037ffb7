import { pino } from "pino";
import type { AppDefinition, AppDefinitionInput } from "../../src/app/definition.ts";
import { type Client, openClient } from "../../src/client/client.ts";
import type { Job, JobCreate, JobEvent } from "../../src/client/wire/entities.ts";
import type { BodyInput } from "../../src/client/wire/operations.ts";
import type { Acquire, Offer, ReportItem } from "../../src/client/wire/sessions.ts";
import { hashToken, newToken } from "../../src/server/access/token.ts";
import { assemble } from "../../src/server/assemble.ts";
import type { Database } from "../../src/server/database/index.ts";
import type { Services } from "../../src/server/http/context.ts";
import type { Clocks } from "../../src/server/sessions/index.ts";
import { freshDatabase } from "./databases.ts";

/** Clocks that run on their own and can be moved. */
export class MovableClocks implements Clocks {
  #wall = 0;
  #monotonic = 0;

  now(): number {
    return Date.now() + this.#wall;
  }

  monotonic(): number {
    return performance.now() + this.#monotonic;
  }

  /** Lets time pass. */
  pass(ms: number): void {
    this.#wall += ms;
    this.#monotonic += ms;
  }

  /** Sets the wall clock wrong. */
  jump(ms: number): void {
    this.#wall += ms;
  }
}

/** A server on a port of its own, with a user. */
export type TestServer = AsyncDisposable & {
  readonly db: Database;
  readonly services: Services;
  readonly clocks: MovableClocks;
  readonly address: string;
  readonly client: Client;
  readonly call: Client["call"];
  /** A new site with an app `app`, and no jobs. */
  site(): Promise<TestSite>;
  /** A client of another user. */
  stranger(): Promise<Client>;
};

/** A site of its own for one test. */
export type TestSite = {
  readonly id: number;
  readonly name: string;
  readonly db: Database;
  readonly call: Client["call"];
  /** Makes or changes an app of the site. */
  app(definition: AppDefinitionInput): Promise<void>;
  /** Jobs of app `app`, or of the one they name; answers their ids. */
  create(...jobs: Partial<JobCreate>[]): Promise<number[]>;
  /** States in the order of the ids. */
  states(...ids: number[]): Promise<string[]>;
  job(id: number): Promise<Job>;
  history(id: number): Promise<JobEvent[]>;
  pilot(shape?: Partial<PilotShape>, client?: Client): Promise<FakePilot>;
};

export type PilotShape = { nodes: number; cores: number; gpus: number; memoryBytes: number; batchJob: number | null };
type ServerChoices = {
  readonly leaseSec?: number;
  readonly db?: Database;
  readonly logLevel?: string;
  readonly upkeep?: boolean;
};

let sites = 0;

/** Starts a server over a database of its own, or as a further API process over a given one. */
export async function startTestServer({
  leaseSec = 600,
  db: given,
  logLevel = "error",
  upkeep = true,
}: ServerChoices = {}): Promise<TestServer> {
  const db = given ?? (await freshDatabase());
  const clocks = new MovableClocks();
  const assembly = await assemble({ db, clocks, log: pino({ level: logLevel }), leaseSec, tls: null, upkeep });
  const address = await assembly.http.listen({ host: "127.0.0.1", port: 0 });
  const open = async (name: string): Promise<Client> =>
    openClient({ address, token: await makeUser(db, name), fingerprint: null });
  const client = await open("someone");
  const clients = [client];
  return {
    db,
    services: assembly.services,
    clocks,
    address,
    client,
    call: client.call.bind(client),
    async site() {
      sites += 1;
      const { id, name } = await client.call("siteCreate", { body: { name: `site-${sites}`, path: "/here" } });
      const site = testSite({ id, name, client, db });
      await site.app({ name: "app", command: "true" });
      return site;
    },
    async stranger() {
      const other = await open(`stranger-${clients.length}`);
      clients.push(other);
      return other;
    },
    async [Symbol.asyncDispose]() {
      for (const each of clients) await each[Symbol.asyncDispose]();
      await assembly[Symbol.asyncDispose]();
      if (!given) await db[Symbol.asyncDispose]();
    },
  };
}

/** A site, reached through a client; of another API process, too. */
export function testSite({
  id,
  name,
  client,
  db,
}: {
  id: number;
  name: string;
  client: Client;
  db: Database;
}): TestSite {
  return {
    id,
    name,
    db,
    call: client.call.bind(client),
    async app(definition) {
      await client.call("appSync", { body: { site: id, apps: [definition as AppDefinition] } });
    },
    async create(...jobs) {
      return (await client.call("jobCreate", { body: { jobs: jobs.map((job) => ({ app: "app", site: id, ...job })) } }))
        .ids;
    },
    async states(...ids) {
      const { rows } = await db.query<{ id: number; state: string }>(
        "SELECT id, state FROM job_life WHERE id = ANY ($1::bigint[])",
        [ids],
      );
      const byId = new Map(rows.map((row) => [row.id, row.state]));
      return ids.map((each) => byId.get(each) ?? "gone");
    },
    job: (job) => client.call("jobGet", { params: { id: job } }),
    history: async (job) => (await client.call("jobHistory", { params: { id: job } })).items,
    async pilot(shape = {}, by = client) {
      const { nodes = 1, cores = 4, gpus = 0, memoryBytes = 0, batchJob = null } = shape;
      const capacity = { cores, gpus, memoryBytes };
      const session = await by.call("sessionCreate", { body: { site: id, nodes, capacity, batchJob } });
      return new FakePilot(by, session.id, { nodes, cores, gpus, memoryBytes, batchJob });
    },
  };
}

/** A new token of a user, who is made where nobody has the name. */
async function makeUser(db: Database, name: string): Promise<string> {
  const token = newToken();
  const known = await db.query<{ id: number }>("SELECT id FROM users WHERE name = $1", [name]);
  const made = known.rows[0]
    ? known
    : await db.query<{ id: number }>("INSERT INTO users (name) VALUES ($1) RETURNING id", [name]);
  await db.query("INSERT INTO tokens (user_id, hash) VALUES ($1, $2)", [made.rows[0]?.id, hashToken(token)]);
  return token;
}

/** The server's side of a pilot: one session, told what to do by the test. */
export class FakePilot {
  readonly id: number;
  readonly client: Client;
  readonly shape: PilotShape;
  #batch = 0;

  constructor(client: Client, id: number, shape: PilotShape) {
    this.client = client;
    this.id = id;
    this.shape = shape;
  }

  /** Everything free, unless it is said otherwise. */
  async acquire(wish: Partial<Acquire> = {}, signal?: AbortSignal) {
    const { nodes, cores, gpus, memoryBytes } = this.shape;
    const free = { cores: nodes * cores, gpus: nodes * gpus, memoryBytes: nodes * memoryBytes, wholeNodes: nodes };
    const body = { maxJobs: 1000, free, wallTimeLeftMin: null, ...wish };
    return this.client.call("sessionAcquire", { params: { id: this.id }, body, ...(signal ? { signal } : {}) });
  }

  /** Ids of the jobs acquired. */
  async take(wish: Partial<Acquire> = {}): Promise<number[]> {
    return (await this.acquire(wish)).offers.map(({ job }) => job);
  }

  report(...items: (Pick<ReportItem, "job" | "state"> & Partial<ReportItem>)[]) {
    this.#batch += 1;
    return this.reportAs(this.#batch, items);
  }

  reportAs(batch: number, items: readonly (Pick<ReportItem, "job" | "state"> & Partial<ReportItem>)[]) {
    const full: BodyInput<"sessionReport">["items"] = items.map((item) => ({ attempt: 1, at: Date.now(), ...item }));
    return this.client.call("sessionReport", { params: { id: this.id }, body: { batch, items: full } });
  }

  /** Reports offers as begun and ended. */
  run(
    offers: readonly Pick<Offer, "job" | "attempt">[],
    end: Partial<ReportItem> & Pick<ReportItem, "state"> = { state: "RUN_DONE", exitCode: 0 },
  ) {
    return this.report(
      ...offers.flatMap(({ job, attempt }) => [
        { job, attempt, state: "RUNNING" as const },
        { job, attempt, ...end },
      ]),
    );
  }

  heartbeat() {
    return this.client.call("sessionHeartbeat", { params: { id: this.id }, body: {} });
  }

  release(...jobs: number[]) {
    return this.client.call("sessionRelease", { params: { id: this.id }, body: { jobs } });
  }

  end(reason = "its pilot ended") {
    return this.client.call("sessionEnd", { params: { id: this.id }, query: { reason } });
  }

  /** Events of the command stream, as they come. */
  commands(signal: AbortSignal) {
    return this.client.stream(`/sessions/${this.id}/commands`, { signal });
  }
}
