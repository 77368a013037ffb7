import { ConiferError } from "./errors.ts";

const SCALE: Record<string, number> = {
  "": 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  t: 1e12,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Bytes of a size written `1024`, `512MiB`, `1.5GiB` or `2GB` (powers of 1000 without the i). */
export function parseSizeBytes(text: string | number): number {
  const parts = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(String(text).trim().toLowerCase());
  const scale = parts?.[2] === undefined ? undefined : SCALE[parts[2]];
  if (!parts || scale === undefined) throw new ConiferError("BAD_SIZE", { text });
  return Math.round(Number(parts[1]) * scale);
}

/** A size for people, in powers of 1024: `1.5 GiB`. */
export function formatSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
  return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}
