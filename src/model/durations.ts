import { ConiferError } from "./errors.ts";

const UNIT_SECONDS: Record<string, number> = {
  ms: 0.001,
  s: 1,
  sec: 1,
  second: 1,
  seconds: 1,
  m: 60,
  min: 60,
  minute: 60,
  minutes: 60,
  h: 3600,
  hour: 3600,
  hours: 3600,
  d: 86400,
  day: 86400,
  days: 86400,
  w: 604800,
};

/**
 * Seconds of a duration written `90`, `90s`, `1h30m`, `1.5h`, `2d`, `HH:MM:SS`, `MM:SS` or `D-HH:MM:SS` (Slurm's form).
 * A plain number is in `unit` (default seconds).
 */
export function parseDurationSec(text: string | number, unit: "ms" | "s" | "m" | "h" = "s"): number {
  const seconds = typeof text === "number" ? text * (UNIT_SECONDS[unit] ?? 1) : read(text.trim().toLowerCase(), unit);
  if (seconds === null || !Number.isFinite(seconds) || seconds < 0) throw new ConiferError("BAD_DURATION", { text });
  return seconds;
}

/** A duration for people: `1h 30m`, `12.4s`, `350ms`. */
export function formatDuration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)}ms`;
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)}s`;
  const whole = Math.round(seconds);
  const parts = [
    [Math.floor(whole / 86400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "m"],
    [whole % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, name]) => `${count}${name}`)
    .join(" ");
}

function read(text: string, unit: string): number | null {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * (UNIT_SECONDS[unit] ?? 1);
  const clock = /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d{1,2}(?:\.\d+)?)$/.exec(text);
  if (clock) {
    const [, days = "0", hours = "0", minutes = "0", seconds = "0"] = clock;
    if (Number(seconds) >= 60 || (clock[2] !== undefined && Number(minutes) >= 60)) return null;
    return Number(days) * 86400 + Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  }
  let total = 0;
  let rest = text;
  while (rest !== "") {
    const part = /^(\d+(?:\.\d+)?)\s*([a-z]+)\s*/.exec(rest);
    const scale = part?.[2] === undefined ? undefined : UNIT_SECONDS[part[2]];
    if (!part || scale === undefined) return null;
    total += Number(part[1]) * scale;
    rest = rest.slice(part[0].length);
  }
  return text === "" ? null : total;
}
