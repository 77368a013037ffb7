/**
 * The server at a glance, from memory: it must answer while the database is busy with something long. What it shows was
 * read when the database last had time, and it says how long ago that was.
 */
import type { AnswerOf } from "../client/wire/operations.ts";
import { JOB_STATES, type JobState } from "../model/states.ts";
import type { Database } from "./database/index.ts";
import type { Handlers } from "./http/context.ts";

/** A picture at most this old is shown as it is. */
const FRESH_MS = 500;
/** How long a request waits for a newer one. */
const PATIENCE_MS = 30;

type Picture = {
  readonly at: number;
  /** By owner. */
  readonly jobs: ReadonlyMap<number, ReadonlyMap<JobState, number>>;
  readonly sessions: ReadonlyMap<number, number>;
};

/** What is known of the database, read at most when somebody asks. */
export class StatusBoard {
  readonly #db: Database;
  #picture: Picture = { at: 0, jobs: new Map(), sessions: new Map() };
  #reading: { readonly since: number; readonly done: Promise<void> } | null = null;
  #lastMs = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The picture, a new one where the database gives it within a moment. */
  async look(): Promise<Picture> {
    if (this.#reading === null && performance.now() - this.#picture.at > FRESH_MS) {
      const since = performance.now();
      this.#reading = { since, done: this.#read(since) };
    }
    if (this.#reading)
      await Promise.race([this.#reading.done, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
    return this.#picture;
  }

  /** How long the database takes, or has been taking, to answer a small question. */
  get busyMs(): number {
    return this.#reading ? performance.now() - this.#reading.since : this.#lastMs;
  }

  async #read(since: number): Promise<void> {
    try {
      const jobs = await this.#db.query<{ owner: number; state: JobState; n: number }>(JOBS);
      const sessions = await this.#db.query<{ owner: number; n: number }>(SESSIONS);
      const byOwner = new Map<number, Map<JobState, number>>();
      for (const { owner, state, n } of jobs.rows) {
        const states = byOwner.get(owner) ?? new Map<JobState, number>();
        byOwner.set(owner, states.set(state, n));
      }
      this.#picture = {
        at: performance.now(),
        jobs: byOwner,
        sessions: new Map(sessions.rows.map(({ owner, n }) => [owner, n])),
      };
    } catch {
      // The database is away: the age of the picture says so, and whoever needs the database is told why.
    } finally {
      this.#lastMs = performance.now() - since;
      this.#reading = null;
    }
  }
}

/** Handlers of /health and /status; admins see everybody's jobs, others their own. */
export function statusHandlers(board: StatusBoard, started: number) {
  return {
    async health({ settings, clock }) {
      return { ok: true as const, version: settings.version, now: new Date(clock.now()).toISOString() };
    },
    async status({ db, settings, user }): Promise<AnswerOf<"status">> {
      const picture = await board.look();
      const isMine = ([owner]: readonly [number, unknown]): boolean => user.admin || owner === user.id;
      const counts = new Map<JobState, number>();
      for (const [, states] of [...picture.jobs].filter(isMine))
        for (const [state, n] of states) counts.set(state, (counts.get(state) ?? 0) + n);
      return {
        version: settings.version,
        engine: db.engine,
        database: db.place,
        pid: process.pid,
        uptimeSec: (performance.now() - started) / 1000,
        leaseSec: settings.leaseSec,
        jobsByState: JOB_STATES.flatMap((state) =>
          counts.has(state) ? [{ key: state, count: counts.get(state) ?? 0 }] : [],
        ),
        sessions: [...picture.sessions].filter(isMine).reduce((sum, [, n]) => sum + n, 0),
        databaseBusyMs: Math.round(board.busyMs),
        ageSec: (performance.now() - picture.at) / 1000,
      };
    },
  } satisfies Partial<Handlers>;
}

const JOBS = `
SELECT s.owner_id AS owner, t.state, sum(t.n)::bigint AS n FROM job_tally t JOIN sites s ON s.id = t.site_id
WHERE s.deleted IS NULL GROUP BY 1, 2 HAVING sum(t.n) > 0`;
const SESSIONS = `
SELECT s.owner_id AS owner, count(*) AS n FROM sessions e JOIN sites s ON s.id = e.site_id WHERE e.ended IS NULL GROUP BY 1`;
