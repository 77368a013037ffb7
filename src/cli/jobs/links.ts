import type { JobCreate } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";
import { expandIdSet, parseIdSet } from "../../model/id-set.ts";
import type { Cli } from "../cli.ts";
import { selectIdList } from "../select/selection.ts";

type Parents = { job: number; when: "ok" | "any" | "failed" }[];

/** `12`, `5-9`, `last`, each with `:any` or `:failed` behind it, as parents. */
export async function readParents(cli: Cli, texts: readonly string[], command: string): Promise<Parents> {
  const parents: Parents = [];
  for (const text of texts) {
    const match = /^(.*?)(?::(ok|any|failed))?$/.exec(text);
    const when = (match?.[2] ?? "ok") as Parents[number]["when"];
    for (const job of await selectIdList(cli, [match?.[1] ?? ""], command)) parents.push({ job, when });
  }
  return parents;
}

/** `12:grid.json,out/*.dat` as inputs. */
export function readInputs(texts: readonly string[], mode: "link" | "copy"): NonNullable<JobCreate["inputs"]> {
  return texts.flatMap((text) => {
    const at = text.indexOf(":");
    if (at < 1) throw new ConiferError("BAD_INPUT", { where: `--input ${text}`, problem: "expected ID:FILES" });
    const files = text.slice(at + 1).split(",");
    const set = parseIdSet(text.slice(0, at));
    if (set.kind !== "ranges") throw new ConiferError("BAD_INPUT", { where: `--input ${text}`, problem: "name ids" });
    return expandIdSet(set, 10_000).map((from) => ({ from, files, mode }));
  });
}
