/** Minutes as `HH:MM:SS`, hours past 99 where they must be. */
export function toClock(minutes: number): string {
  const whole = Math.max(1, Math.ceil(minutes));
  return `${pad(Math.floor(whole / 60))}:${pad(whole % 60)}:00`;
}

/** Minutes as `HH:MM`. */
export function toHoursMinutes(minutes: number): string {
  return toClock(minutes).slice(0, -3);
}

/** Milliseconds since 1970 of `2026-11-20T15:42:44`, told in UTC; null for Unknown, N/A, None. */
export function fromIsoUtc(text: string): number | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?$/.exec(text.trim());
  return match === null ? null : valid(Date.parse(`${match[1]}Z`));
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Milliseconds since 1970 of `Fri Nov 20 16:27:25 2026` (weekday, seconds optional), told in UTC; null where it is none. */
export function fromCtimeUtc(text: string): number | null {
  const match = /^(?:[A-Z][a-z]{2} )?([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d)(?::(\d\d))? (\d{4})/.exec(text.trim());
  if (match === null) return null;
  const [, month = "", day, hour, minute, second = "0", year] = match;
  const index = MONTHS.indexOf(month);
  return index < 0
    ? null
    : valid(Date.UTC(Number(year), index, Number(day), Number(hour), Number(minute), Number(second)));
}

/** Seconds of `[D-]HH:MM:SS`, `MM:SS` or plain minutes; null for UNLIMITED, INFINITY, INVALID and the like. */
export function fromClockSec(text: string): number | null {
  const plain = /^(\d+)$/.exec(text.trim());
  if (plain !== null) return Number(plain[1]) * 60;
  const match = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.\d+)?$/.exec(text.trim());
  if (match === null) return null;
  const [, days = "0", hours = "0", minutes, seconds] = match;
  return Number(days) * 86_400 + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

function valid(time: number): number | null {
  return Number.isFinite(time) && time > 0 ? time : null;
}
