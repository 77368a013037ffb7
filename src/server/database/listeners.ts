import { ConiferError } from "../../model/errors.ts";

/** Runs LISTEN or UNLISTEN on the connection that hears notifications. */
export type ListenCommand = (command: string) => Promise<void>;

/** Who listens to which channel. */
export class Listeners {
  readonly #byChannel = new Map<string, Set<(payload: string) => void>>();

  get channels(): string[] {
    return [...this.#byChannel.keys()];
  }

  /** Adds a listener; the connection listens while a channel has any. */
  async add(channel: string, onPayload: (payload: string) => void, run: ListenCommand): Promise<AsyncDisposable> {
    if (!/^[a-z_][a-z0-9_]{0,62}$/.test(channel)) {
      throw new ConiferError("INTERNAL", { problem: `${channel} is no name for a channel: use a-z, 0-9 and _` });
    }
    // One function may listen twice; each time is its own.
    const listener = (payload: string): void => onPayload(payload);
    const others = this.#byChannel.get(channel) ?? new Set();
    this.#byChannel.set(channel, others.add(listener));
    if (others.size === 1) {
      try {
        await run(`LISTEN ${channel}`);
      } catch (error) {
        this.#remove(channel, listener);
        throw error;
      }
    }
    return {
      [Symbol.asyncDispose]: async () => {
        if (this.#remove(channel, listener)) await run(`UNLISTEN ${channel}`).catch(() => {});
      },
    };
  }

  tell(channel: string, payload: string): void {
    for (const listener of this.#byChannel.get(channel) ?? []) queueMicrotask(() => listener(payload));
  }

  /** After a reconnect: whoever listens may have missed something. */
  tellAll(): void {
    for (const channel of this.#byChannel.keys()) this.tell(channel, "");
  }

  /** Returns whether nobody listens to the channel any more. */
  #remove(channel: string, listener: (payload: string) => void): boolean {
    const listeners = this.#byChannel.get(channel);
    if (listeners?.delete(listener) !== true || listeners.size > 0) return false;
    return this.#byChannel.delete(channel);
  }
}
