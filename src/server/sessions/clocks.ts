/** The wall clock, which may jump, and one that does not; both in milliseconds. */
export type Clocks = { now(): number; monotonic(): number };

/** The machine's own. */
export const systemClocks: Clocks = { now: () => Date.now(), monotonic: () => performance.now() };
