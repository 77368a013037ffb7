import { formatDuration } from "../../model/durations.ts";

/** How long ago an ISO time was, for people: `3m ago`; null = never. */
export function formatAgo(iso: string | null, now = Date.now()): string {
  if (iso === null) return "never";
  const seconds = Math.max(0, (now - Date.parse(iso)) / 1000);
  return seconds < 1 ? "just now" : `${formatDuration(seconds).split(" ")[0]} ago`;
}

/** An ISO time in local time to the second: `2026-11-05 12:30:01`. */
export function formatTime(iso: string): string {
  const date = new Date(iso);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Minutes as a duration for people. */
export const formatMinutes = (minutes: number): string => formatDuration(minutes * 60);
