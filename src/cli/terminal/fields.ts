import type { Paint, Style } from "./colour.ts";
import { clean, pad } from "./text.ts";

/** One line of a block: name, value (null = left out), and how it is shown. */
export type Line = readonly [name: string, value: string | number | null | undefined, style?: Style | null];

/** A block of named values, aligned. */
export function formatFields(lines: readonly Line[], paint: Paint): string {
  const shown = lines.filter(([, value]) => value !== null && value !== undefined && value !== "");
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown
    .map(([name, value, style = null]) => `${paint("dim", pad(name, width))}  ${paint(style, clean(String(value)))}\n`)
    .join("");
}

/** `a=1,b=2` of a record. */
export function formatPairs(record: Readonly<Record<string, unknown>>): string {
  return Object.entries(record)
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(",");
}
