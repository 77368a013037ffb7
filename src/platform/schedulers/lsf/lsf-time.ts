import { fromCtimeUtc } from "../batch/times.ts";

const DAY_MS = 86_400_000;

/**
 * Milliseconds since 1970 of `May 28 12:45`, `May 28 12:45:10 2026` or `May 28 12:45 2026 L` (L, E, X: how an end that is
 * to come is known), told in UTC. Without a year it is the last one in which the time is at most 180 days ahead of `now`.
 */
export function fromLsfTime(text: string, now: number): number | null {
  const plain = text.trim().replace(/\s+[LEX]$/, "");
  if (/\s\d{4}$/.test(plain)) return fromCtimeUtc(plain);
  const year = new Date(now).getUTCFullYear();
  const candidates = [year + 1, year, year - 1].map((each) => fromCtimeUtc(`${plain} ${each}`));
  return candidates.find((time) => time !== null && time <= now + 180 * DAY_MS) ?? null;
}
