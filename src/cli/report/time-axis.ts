/** Ticks of an axis of elapsed time, all in one unit. */
export interface TimeAxis {
  readonly unit: "ms" | "s" | "min" | "h" | "d";
  readonly ticks: readonly { readonly atMs: number; readonly label: string }[];
}

const UNITS = [
  { unit: "d", ms: 86_400_000, steps: [0.25, 0.5] },
  { unit: "h", ms: 3_600_000, steps: [0.25, 0.5] },
  { unit: "min", ms: 60_000, steps: [0.25, 0.5] },
  { unit: "s", ms: 1_000, steps: [0.1, 0.2, 0.5] },
  { unit: "ms", ms: 1, steps: [] },
] as const;

/** Round steps for any unit; below a unit's own fractions the next smaller unit is used. */
const WHOLE_STEPS = [1, 2, 5, 10, 15, 20, 30, 50, 60, 100, 200, 500, 1000, 2000, 5000];

/** Choose the unit and at most about `count` ticks for a span of elapsed time starting at 0. */
export function makeTimeAxis(spanMs: number, count: number): TimeAxis {
  const { unit, ms, steps } = UNITS.find((one) => spanMs >= 2 * one.ms) ?? UNITS[UNITS.length - 1] ?? UNITS[4];
  const span = spanMs / ms;
  const candidates = [...steps, ...WHOLE_STEPS];
  const step = candidates.find((one) => span / one <= count) ?? 10 ** Math.ceil(Math.log10(span / count));
  const digits = step === 0.25 ? 2 : step < 1 ? 1 : 0;
  const ticks = Array.from({ length: Math.floor(span / step + 1e-9) + 1 }, (_, index) => ({
    atMs: index * step * ms,
    label: (index * step).toFixed(digits),
  }));
  return { unit, ticks };
}

/** A duration for people, with two or three significant figures: "840 ms", "12.3 s", "4 min 10 s", "2 h 05 min". */
export function describeDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
  return `${(minutes / 1440).toFixed(1)} d`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
