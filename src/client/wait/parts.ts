import { expandIdSet, formatIdSet, parseIdSet } from "../../model/id-set.ts";

/** A set of jobs as filters that one request can carry. */
export type Part = { readonly where: readonly string[]; readonly ids: readonly number[] | null };

/** Ids listed in one filter: some 8 kB of address, half of what servers take. */
const IDS_OF_A_FILTER = 800;
/** A run of consecutive ids this long is worth a request of its own. */
const RUN = 100;

/**
 * Filters that together match exactly these ids: long consecutive runs (what one create makes) become one range,
 * the rest is listed.
 */
export function idParts(ids: readonly number[]): Part[] {
  if (ids.length === 0) return [];
  const set = parseIdSet(formatIdSet(ids));
  if (set.kind !== "ranges") return [];
  const parts: Part[] = [];
  const rest: number[] = [];
  for (const range of set.ranges) {
    const run = expandIdSet({ kind: "ranges", ranges: [range] }, Number.MAX_SAFE_INTEGER);
    if (run.length < RUN) rest.push(...run);
    else parts.push({ where: [`id>=${range.first}`, `id<=${range.last}`], ids: run });
  }
  for (let at = 0; at < rest.length; at += IDS_OF_A_FILTER) {
    const some = rest.slice(at, at + IDS_OF_A_FILTER);
    parts.push({ where: [`id=${some.join(",")}`], ids: some });
  }
  return parts;
}
