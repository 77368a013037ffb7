/** How often a lease is renewed where nothing else is said: each tenth of it, at least every 30 s. */
export function heartbeatMs(leaseSec: number): number {
  return Math.min(30_000, leaseSec * 100);
}

/**
 * How long after the last renewal the tasks must be ended: they have to be dead, and known to be, before the server
 * may give their jobs to another pilot. A lease too short for that leaves half of itself.
 */
export function endTasksAfterMs(leaseSec: number, graceSec: number): number {
  return 1000 * Math.max(leaseSec / 2, leaseSec - (graceSec + 10));
}
