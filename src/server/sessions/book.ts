import type { Logger } from "pino";
import type { Commands } from "../../client/wire/sessions.ts";
import { ConiferError } from "../../model/errors.ts";
import type { ChangeHub, Message } from "../changes/index.ts";
import type { Database } from "../database/index.ts";
import { keepToIndexes } from "../life/index.ts";
import type { Clocks } from "./clocks.ts";
import { type LiveSession, readSession } from "./read-session.ts";

/** A session as this process keeps it. */
type Entry = LiveSession & {
  readonly never: Set<number>;
  /** When the lease ends, by the monotonic clock. */
  deadline: number;
  /** Renewed since the last flush: when, by the wall clock. */
  renewed: number | null;
  /** What it was last found to be told; null = look again. */
  orders: Orders | null;
  /** Grows with each reason to look again, so that a look begun before it does not count. */
  turn: number;
  /** The kills under way that an acquire has answered with. */
  killsTold: ReadonlySet<number>;
  /** Jobs that other pilots ask for, until they are told or the demand is stale. */
  giveBack: { readonly count: number; readonly until: number } | null;
};

type Orders = Pick<Commands, "kill" | "retire">;

/** How long another pilot's demand stands; it asks again while it waits. */
const DEMAND_MS = 2_000;
/** Renewals gather this long before they are written. */
const FLUSH_MS = 1_000;
/** Jobs kept from one session. */
const MOST_NEVER = 10_000;

export type BookParts = {
  readonly db: Database;
  readonly hub: ChangeHub;
  readonly clocks: Clocks;
  readonly log: Logger;
  readonly leaseSec: number;
};

/**
 * The sessions that live, in memory: a heartbeat renews its lease and learns its commands here, without the database,
 * so that no lease expires because a long query runs. Renewals are written about once a second, all in one statement;
 * what the database says of `expires` is what counts for the sweep, and for every other API process.
 */
export class SessionBook implements AsyncDisposable {
  readonly leaseSec: number;
  readonly #parts: BookParts;
  readonly #entries = new Map<number, Entry>();
  readonly #stopListening: () => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: BookParts) {
    this.#parts = parts;
    this.leaseSec = parts.leaseSec;
    this.#stopListening = parts.hub.listen((message) => this.#hear(message));
  }

  /** A session of this user that lives, renewed. Throws NOT_FOUND for somebody else's and SESSION_GONE for one that has ended. */
  async renew(userId: number, id: number): Promise<LiveSession> {
    const entry = this.#entries.get(id) ?? this.#add(await readSession(this.#parts.db, id));
    if (entry.ownerId !== userId) throw new ConiferError("NOT_FOUND", { kind: "session", name: id, list: "session" });
    const { clocks } = this.#parts;
    entry.deadline = clocks.monotonic() + this.leaseSec * 1000;
    entry.renewed = clocks.now();
    this.#timer ??= setTimeout(() => void this.#flushLater(), FLUSH_MS).unref();
    return entry;
  }

  /** What a session is to be told now. A demand to give back is told once. */
  async commands(id: number): Promise<Commands> {
    const entry = this.#entries.get(id);
    if (!entry) throw new ConiferError("SESSION_GONE", { session: id, reason: "it has ended" });
    const { turn } = entry;
    const orders = entry.orders ?? (await this.#readOrders(id));
    if (entry.turn === turn) entry.orders = orders;
    const isAsked = entry.giveBack !== null && entry.giveBack.until > this.#parts.clocks.monotonic();
    const giveBack = isAsked ? (entry.giveBack?.count ?? 0) : 0;
    entry.giveBack = null;
    return { ...orders, giveBack };
  }

  /**
   * Whether an acquire is to answer at once with these kills: each is news to it once, so that a job that takes long to
   * die does not keep its pilot from waiting. Heartbeats repeat them all, should the answer be lost.
   */
  isNewsToAcquire(id: number, kill: readonly number[]): boolean {
    const entry = this.#entries.get(id);
    if (!entry) return false;
    const told = entry.killsTold;
    entry.killsTold = new Set(kill);
    return kill.some((job) => !told.has(job));
  }

  /** Has the next answer look for commands anew. */
  lookAgain(id: number): void {
    const entry = this.#entries.get(id);
    if (entry) distrust(entry);
  }

  /** Whether there are orders to end jobs, as far as is known. */
  isKilling(id: number): boolean {
    const orders = this.#entries.get(id)?.orders;
    return orders === null || orders === undefined || orders.kill.length > 0;
  }

  /** Keeps jobs from a session whose pilot can never run them; the oldest of very many may be offered once more. */
  keepFrom(id: number, jobs: readonly number[]): void {
    const never = this.#entries.get(id)?.never;
    if (never === undefined) return;
    for (const job of jobs) never.add(job);
    for (const job of never) {
      if (never.size <= MOST_NEVER) break;
      never.delete(job);
    }
  }

  /** Forgets a session that has ended. */
  forget(id: number): void {
    this.#entries.delete(id);
  }

  /** Whether this process knows that the lease has not run out. */
  isHeld(id: number): boolean {
    return (this.#entries.get(id)?.deadline ?? 0) > this.#parts.clocks.monotonic();
  }

  /** Grants every session that lives one full lease: after a start, and when clocks cannot be trusted. */
  async grantAll(): Promise<void> {
    const { db, clocks } = this.#parts;
    for (const entry of this.#entries.values()) entry.deadline = clocks.monotonic() + this.leaseSec * 1000;
    await db.query("UPDATE sessions SET expires = $1 WHERE ended IS NULL", [this.#expiry(clocks.now())]);
  }

  /** Writes the renewals. */
  async flush(): Promise<void> {
    const renewed = [...this.#entries.values()].flatMap(({ id, renewed }) => (renewed === null ? [] : { id, renewed }));
    if (renewed.length === 0) return;
    for (const { id } of renewed) this.#mark(id, null);
    try {
      await this.#parts.db.query(
        `UPDATE sessions SET last_seen = u.seen, expires = u.expires
         FROM unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[]) AS u(id, seen, expires) WHERE sessions.id = u.id AND ended IS NULL`,
        [
          renewed.map(({ id }) => id),
          renewed.map(({ renewed }) => new Date(renewed)),
          renewed.map(({ renewed }) => this.#expiry(renewed)),
        ],
      );
    } catch (error) {
      for (const { id, renewed: at } of renewed) if (this.#entries.get(id)?.renewed === null) this.#mark(id, at);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening();
    if (this.#timer) clearTimeout(this.#timer);
    await this.flush();
  }

  #add(session: LiveSession): Entry {
    // Two requests may have read it at once.
    const known = this.#entries.get(session.id);
    if (known) return known;
    const entry: Entry = {
      ...session,
      never: new Set(),
      deadline: 0,
      renewed: null,
      orders: null,
      turn: 0,
      killsTold: new Set(),
      giveBack: null,
    };
    this.#entries.set(session.id, entry);
    return entry;
  }

  #hear(message: Message): void {
    if (message.kind === "missed") for (const entry of this.#entries.values()) distrust(entry);
    if (message.kind === "command") this.lookAgain(message.sessionId);
    if (message.kind !== "giveBack") return;
    const entry = this.#entries.get(message.sessionId);
    if (entry) entry.giveBack = { count: message.count, until: this.#parts.clocks.monotonic() + DEMAND_MS };
  }

  async #readOrders(id: number): Promise<Orders> {
    const { rows } = await this.#parts.db.transaction(async (tx) => {
      await keepToIndexes(tx);
      return tx.query<{ ended: string | null; endReason: string; batchState: string | null; kill: number[] }>(
        `SELECT s.ended, s.end_reason AS "endReason", b.state AS "batchState",
           ARRAY(SELECT l.id FROM job_life l WHERE l.session_id = s.id AND l.kill_requested ORDER BY l.id) AS kill
         FROM sessions s LEFT JOIN batch_jobs b ON b.id = s.batch_job_id WHERE s.id = $1`,
        [id],
      );
    });
    const [row] = rows;
    if (!row || row.ended !== null) {
      this.forget(id);
      throw new ConiferError("SESSION_GONE", { session: id, reason: row?.endReason ?? "its site was removed" });
    }
    const isOver = row.batchState !== null && !GOING.includes(row.batchState);
    return { kill: row.kill, retire: isOver ? `its batch job is ${row.batchState}` : null };
  }

  #mark(id: number, renewed: number | null): void {
    const entry = this.#entries.get(id);
    if (entry) entry.renewed = renewed;
  }

  #expiry(from: number): Date {
    return new Date(from + this.leaseSec * 1000);
  }

  async #flushLater(): Promise<void> {
    this.#timer = null;
    try {
      await this.flush();
    } catch (error) {
      this.#parts.log.warn({ err: error }, "renewed leases could not be written; they hold in memory");
      this.#timer ??= setTimeout(() => void this.#flushLater(), FLUSH_MS).unref();
    }
  }
}

function distrust(entry: Entry): void {
  entry.orders = null;
  entry.turn += 1;
}

/** States of a batch job whose pilots may work. */
const GOING = ["pending_submission", "queued", "running"];
