/** Milliseconds to wait before try number `tried + 1`: doubling from 100 ms to at most 10 s, spread over 50 to 100 % so that many clients do not come back at once. */
export function backoffMs(tried: number, random: number): number {
  const whole = Math.min(10_000, 100 * 2 ** Math.max(0, tried - 1));
  return whole * (0.5 + random / 2);
}

/** What a Retry-After header asks for, milliseconds (at most a minute), or null. */
export function retryAfterMs(header: string | undefined): number | null {
  return header !== undefined && /^\d+$/.test(header.trim()) ? Math.min(60, Number(header)) * 1000 : null;
}
