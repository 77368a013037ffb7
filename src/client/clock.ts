import { setTimeout as delay } from "node:timers/promises";

/** Time and chance, passed in so that tests need not wait. */
export type Clock = {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Resolves after `ms`, rejects where the signal aborts first. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** 0 <= x < 1. */
  readonly random: () => number;
};

export const systemClock: Clock = {
  now: Date.now,
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal ? { signal } : {});
  },
  random: Math.random,
};
