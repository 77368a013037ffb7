/**
 * Who sends a token, from memory. A heartbeat must be answered while the database is busy with something long, so a known
 * token is looked up again only now and then, and its last answer stands in where the database is slow. A revocation
 * is notified to every API process and drops its cache at once.
 */
import type { Database } from "../database/index.ts";
import type { Caller, Clock } from "../http/context.ts";
import { hashToken } from "./token.ts";

/** A known token is looked up again after this long. */
const FRESH_MS = 30_000;
/** How long a look-up of a known token may take before its last answer is used. */
const PATIENCE_MS = 30;
/** Unknown tokens are remembered briefly, so that a client with a bad one does not keep the database busy. */
const UNKNOWN_MS = 2_000;
const MOST_ENTRIES = 10_000;
const CHANNEL = "conifer_tokens";

type Entry = { readonly caller: Caller | null; readonly tokenId: number; readonly expires: number; checked: number };

export class TokenCache implements AsyncDisposable {
  readonly #db: Database;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  readonly #used = new Set<number>();
  readonly #forgetting: (() => void)[] = [];
  #listening: AsyncDisposable | null = null;
  #generation = 0;

  private constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  static async open(db: Database, clock: Clock): Promise<TokenCache> {
    const cache = new TokenCache(db, clock);
    cache.#listening = await db.listen(CHANNEL, () => cache.#forget());
    return cache;
  }

  /** The user of a token; null where it is unknown, revoked or expired. */
  async callerOf(token: string): Promise<Caller | null> {
    const hash = hashToken(token);
    const key = hash.toString("base64");
    const known = this.#entries.get(key);
    const now = this.#clock.now();
    if (known && Math.abs(now - known.checked) < (known.caller ? FRESH_MS : UNKNOWN_MS)) return this.#valid(known, now);
    const looked = this.#lookUp(hash, key);
    if (!known?.caller) return this.#valid(await looked, now);
    // While this look-up is under way, others go by the last answer and wait for nothing.
    known.checked = now;
    return this.#valid(await orAfter(looked, PATIENCE_MS, () => this.#entries.get(key) ?? NOBODY), now);
  }

  /** Forgets every token, here and in the other API processes; to be called after one was revoked or a user changed. */
  async invalidate(): Promise<void> {
    this.#forget();
    await this.#db.notify(CHANNEL, "revoked");
  }

  /** Has `listener` called after every token was forgotten, here or at the word of another process. */
  onForget(listener: () => void): void {
    this.#forgetting.push(listener);
  }

  /** Writes down which tokens were used since the last call; for housekeeping. */
  async storeUse(): Promise<void> {
    if (this.#used.size === 0) return;
    const ids = [...this.#used];
    this.#used.clear();
    await this.#db.query("UPDATE tokens SET last_used = now() WHERE id = ANY($1::bigint[])", [ids]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listening?.[Symbol.asyncDispose]();
  }

  #forget(): void {
    this.#generation += 1;
    this.#entries.clear();
    for (const listener of this.#forgetting) listener();
  }

  #valid(entry: Entry, now: number): Caller | null {
    if (entry.caller === null || now >= entry.expires) return null;
    this.#used.add(entry.tokenId);
    return entry.caller;
  }

  async #lookUp(hash: Buffer, key: string): Promise<Entry> {
    const generation = this.#generation;
    const { rows } = await this.#db.query<{
      token_id: number;
      id: number;
      name: string;
      admin: boolean;
      expires: string | null;
    }>(LOOK_UP, [hash]);
    const row = rows[0];
    const entry: Entry = row
      ? {
          caller: { id: row.id, name: row.name, admin: row.admin },
          tokenId: row.token_id,
          expires: row.expires === null ? Number.POSITIVE_INFINITY : Date.parse(row.expires),
          checked: this.#clock.now(),
        }
      : { ...NOBODY, checked: this.#clock.now() };
    // What was read before a revocation must not be remembered after it.
    if (generation === this.#generation) this.#remember(key, entry);
    return entry;
  }

  #remember(key: string, entry: Entry): void {
    if (this.#entries.size >= MOST_ENTRIES) this.#entries.clear();
    this.#entries.set(key, entry);
  }
}

const NOBODY: Entry = { caller: null, tokenId: 0, expires: 0, checked: 0 };

const LOOK_UP = `
SELECT t.id AS token_id, u.id, u.name, u.admin, t.expires
FROM tokens t JOIN users u ON u.id = t.user_id WHERE t.hash = $1 AND u.deleted IS NULL`;

/** The promise's value, or after `ms` the other one; a later failure of the promise is of no interest then. */
async function orAfter<T>(promise: Promise<T>, ms: number, other: () => T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(other()), ms);
  });
  try {
    return await Promise.race([promise.catch(other), late]);
  } finally {
    clearTimeout(timer);
  }
}
