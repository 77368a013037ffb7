import { ConiferError } from "./errors.ts";

/** Ids named on a command line: closed ranges with a step, or the words `last` and `all`. */
export type IdSet =
  | {
      readonly kind: "ranges";
      readonly ranges: readonly { readonly first: number; readonly last: number; readonly step: number }[];
    }
  | { readonly kind: "last" }
  | { readonly kind: "all" };

/** Reads `12`, `5-9`, `1-100:2`, `1,3,5-8`, `last` or `all`; digits may be grouped by `_`. */
export function parseIdSet(text: string): IdSet {
  const trimmed = text.trim();
  if (trimmed === "last" || trimmed === "all") return { kind: trimmed };
  const ranges = trimmed.split(",").map((part) => {
    const match = /^(\d[\d_]*)(?:-(\d[\d_]*)(?::(\d+))?)?$/.exec(part.trim());
    if (!match)
      throw new ConiferError("BAD_ID_SET", {
        text,
        problem: `${JSON.stringify(part)} is neither a number nor a range`,
      });
    const first = toId(match[1] ?? "", text);
    const last = match[2] === undefined ? first : toId(match[2], text);
    const step = match[3] === undefined ? 1 : Number(match[3]);
    if (last < first) throw new ConiferError("BAD_ID_SET", { text, problem: `${first}-${last} runs backwards` });
    if (step < 1) throw new ConiferError("BAD_ID_SET", { text, problem: "the step must be at least 1" });
    return { first, last, step };
  });
  return { kind: "ranges", ranges };
}

/** Whether a text could be an id set at all (so that a command can tell ids from filters). */
export function looksLikeIdSet(text: string): boolean {
  return /^(last|all|[\d_]+(-[\d_]+(:\d+)?)?(,[\d_]+(-[\d_]+(:\d+)?)?)*)$/.test(text.trim());
}

/** Every id of a set of ranges, in order, without repeats; more than `most` is an error. */
export function expandIdSet(set: IdSet & { kind: "ranges" }, most = 1_000_000): number[] {
  const ids = new Set<number>();
  for (const { first, last, step } of set.ranges) {
    if ((last - first) / step + ids.size > most) {
      throw new ConiferError("BAD_ID_SET", { text: `${first}-${last}`, problem: `more than ${most} ids` });
    }
    for (let id = first; id <= last; id += step) ids.add(id);
  }
  return [...ids];
}

/** The shortest way to write ids: `1-3,7`. */
export function formatIdSet(ids: readonly number[]): string {
  const sorted = [...new Set(ids)].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let at = 0; at < sorted.length; ) {
    let end = at;
    while (end + 1 < sorted.length && sorted[end + 1] === (sorted[end] ?? 0) + 1) end += 1;
    parts.push(end === at ? `${sorted[at]}` : `${sorted[at]}-${sorted[end]}`);
    at = end + 1;
  }
  return parts.join(",");
}

function toId(digits: string, text: string): number {
  const id = Number(digits.replaceAll("_", ""));
  if (!Number.isSafeInteger(id)) throw new ConiferError("BAD_ID_SET", { text, problem: `${digits} is too large` });
  return id;
}
