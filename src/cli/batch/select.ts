import { ConiferError } from "../../model/errors.ts";
import { expandIdSet, parseIdSet } from "../../model/id-set.ts";
import type { Cli } from "../cli.ts";
import { siteFilter } from "../select/selection.ts";
import { OPEN_BATCH_STATES } from "./columns.ts";

/** Batch jobs by ids, `last`, or `all` that have not ended. */
export async function selectBatchJobs(cli: Cli, texts: readonly string[], site?: string): Promise<number[]> {
  const conifer = await cli.conifer();
  const ids: number[] = [];
  for (const text of texts) {
    const set = parseIdSet(text);
    if (set.kind === "ranges") ids.push(...expandIdSet(set, 10_000));
    else if (set.kind === "last") ids.push(await lastBatchJob(cli, site));
    else {
      const where = [`state=${OPEN_BATCH_STATES.join(",")}`, ...(await siteFilter(cli, site))];
      ids.push(...(await conifer.batchJobs.list({ where, limit: 10_000 })).map((one) => one.id));
    }
  }
  return [...new Set(ids)];
}

/** The one batch job named. */
export async function selectBatchJob(cli: Cli, text: string): Promise<number> {
  const ids = await selectBatchJobs(cli, [text]);
  const [id] = ids;
  if (id === undefined || ids.length > 1)
    throw new ConiferError("BAD_INPUT", { where: text, problem: "expected exactly one batch job" });
  return id;
}

async function lastBatchJob(cli: Cli, site: string | undefined): Promise<number> {
  const conifer = await cli.conifer();
  const [last] = await conifer.batchJobs.list({ where: await siteFilter(cli, site), limit: 1 });
  if (!last) throw new ConiferError("NOT_FOUND", { kind: "batch job", name: "last", list: "batch" });
  return last.id;
}
