import { isConiferError } from "../../model/errors.ts";
import type { Client } from "../client.ts";
import type { Change } from "../wire/operations.ts";
import { STREAMS } from "../wire/routes.ts";

/** A reason to look again: what changed, or (`resync`) that something may have been missed. */
export type WakeUp = { readonly changes: readonly Change[]; readonly resync: boolean };

export type WakeUpOptions = {
  readonly signal: AbortSignal;
  /** Look at least this often although no event came, milliseconds. Default 10,000; 1,000 where there are no events. */
  readonly pollMs?: number;
};

/**
 * Says when to look at the server again: at once, whenever its event stream tells of a change, after each reconnection,
 * and every few seconds in any case, so that a lost event delays and never hangs. Changes that come while the caller is
 * busy are handed over together. Ends when the signal aborts.
 */
export async function* wakeUps(client: Client, options: WakeUpOptions): AsyncGenerator<WakeUp, void> {
  const closing = new AbortController();
  const signal = AbortSignal.any([options.signal, closing.signal]);
  let pollMs = options.pollMs ?? 10_000;
  let changes: Change[] = [];
  let resync = true;
  let notify = () => {};
  const listen = async () => {
    for await (const { event, data } of client.stream(STREAMS.events, { signal })) {
      if (event === "open") resync = true;
      else if (isChange(data)) changes.push(data);
      notify();
    }
  };
  listen().catch((error: unknown) => {
    // No event stream for this token or through this relay: polling alone still gets there.
    if (isConiferError(error)) pollMs = options.pollMs ?? 1_000;
    notify();
  });
  try {
    while (!signal.aborted) {
      if (changes.length === 0 && !resync) resync = await quietFor(pollMs);
      if (signal.aborted) return;
      const wakeUp = { changes, resync };
      changes = [];
      resync = false;
      yield wakeUp;
    }
  } finally {
    closing.abort();
  }

  /** True where nothing happened for so long. */
  function quietFor(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (timedOut: boolean) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", aborted);
        notify = () => {};
        resolve(timedOut || resync);
      };
      const aborted = () => done(false);
      const timer = setTimeout(() => done(true), ms);
      signal.addEventListener("abort", aborted);
      notify = () => done(false);
    });
  }
}

function isChange(data: unknown): data is Change {
  return typeof data === "object" && data !== null && "kind" in data;
}
