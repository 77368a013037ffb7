/** Time as the hub sees it, passed in so that hours can be simulated in milliseconds. */
export interface Clock {
  /** Milliseconds since 1970: what is told to others. It may jump. */
  now(): number;
  /** Milliseconds since some moment: what is reckoned with. It never jumps. */
  elapsed(): number;
  /** Calls back once after so long; the answer takes it back. */
  after(ms: number, callback: () => void): () => void;
}

const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: Date.now,
  elapsed: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, ms), longestTimerMs));
    return () => clearTimeout(timer);
  },
};

/** Resolves after so long on this clock, or at once where the signal aborts. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      signal?.removeEventListener("abort", done);
      cancel();
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
