/**
 * How much to take ahead. A slot that falls free must have its next task at once, and a round trip to a busy server takes
 * a fraction of a second: so a pilot holds what it will start in the next one or two seconds, and no more. Of
 * tasks that run for minutes that is next to nothing, and other pilots find the rest.
 */
export interface Pace {
  /** Mean time a task has its cores; 0 = none has ended yet. */
  meanMs: number;
  ended: number;
  /** On `elapsed`. */
  lastEndAt: number;
  /** Until then another pilot's wish for work is fresh. */
  contendedUntil: number;
}

/** Tasks after which an older one hardly counts. */
const memory = 64;
const windowMs = 1500;
/** After another pilot asked for work, that long as little as this is taken ahead. */
const contendedWindowMs = 300;
const contendedForMs = 30_000;

export const createPace = (): Pace => ({ meanMs: 0, ended: 0, lastEndAt: 0, contendedUntil: 0 });

/** Notes that a task gave its cores back. */
export function noteEnd(pace: Pace, heldMs: number, now: number): void {
  pace.ended += 1;
  pace.meanMs += (heldMs - pace.meanMs) / Math.min(pace.ended, memory);
  pace.lastEndAt = now;
}

/** Notes that another pilot asked for work. */
export function noteContention(pace: Pace, now: number): void {
  pace.contendedUntil = now + contendedForMs;
}

/** How often the whole pilot will be filled anew in the time to look ahead. */
export function fillsAhead(pace: Pace, now: number): number {
  if (pace.ended === 0) return 0;
  // Where nothing has ended for long, tasks have become longer than the mean says.
  const taskMs = Math.max(1, pace.meanMs, now - pace.lastEndAt);
  return (now < pace.contendedUntil ? contendedWindowMs : windowMs) / taskMs;
}
