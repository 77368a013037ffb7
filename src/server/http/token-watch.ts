/** Whoever holds a stream open is asked for no token again: so the tokens of open streams are looked at from here. */
import type { Caller } from "./context.ts";

/** An expired token's streams end at most this late. */
const LOOK_MS = 5_000;

/** Ends what was begun with a token once the token is nobody's any more: revoked, expired, or its user removed. */
export class TokenWatch {
  readonly #callerOf: (token: string) => Promise<Caller | null>;
  readonly #everyMs: number;
  readonly #watched = new Map<string, Set<AbortController>>();
  #timer: NodeJS.Timeout | null = null;

  constructor(callerOf: (token: string) => Promise<Caller | null>, everyMs = LOOK_MS) {
    this.#callerOf = callerOf;
    this.#everyMs = everyMs;
  }

  /** A signal that aborts when the token is good no more; dispose of it when it matters no more. */
  watch(token: string): Disposable & { readonly signal: AbortSignal } {
    const end = new AbortController();
    const ends = this.#watched.get(token) ?? new Set();
    this.#watched.set(token, ends.add(end));
    this.#timer ??= setInterval(() => void this.look(), this.#everyMs).unref();
    // It may have been revoked since its caller was let in.
    void this.#check(token);
    return {
      signal: end.signal,
      [Symbol.dispose]: () => {
        ends.delete(end);
        if (ends.size === 0 && this.#watched.get(token) === ends) this.#watched.delete(token);
        if (this.#watched.size > 0 || this.#timer === null) return;
        clearInterval(this.#timer);
        this.#timer = null;
      },
    };
  }

  /** Looks at every token now; to be called after a revocation. */
  async look(): Promise<void> {
    await Promise.all([...this.#watched.keys()].map((token) => this.#check(token)));
  }

  /** A database that cannot be asked ends nothing: the next look does. */
  async #check(token: string): Promise<void> {
    const isGood = await this.#callerOf(token).then(
      (caller) => caller !== null,
      () => true,
    );
    if (!isGood) for (const end of this.#watched.get(token) ?? []) end.abort();
  }
}
