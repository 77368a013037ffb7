import type { Cli } from "../cli.ts";
import { siteFilter } from "../select/selection.ts";
import { batchJobColumns, OPEN_BATCH_STATES } from "./columns.ts";

/** `conifer batch ls` */
export async function listBatchJobs(
  cli: Cli,
  options: { site?: string; state?: string; all?: boolean; limit?: number },
): Promise<void> {
  const conifer = await cli.conifer();
  const state = options.state ?? (options.all ? null : OPEN_BATCH_STATES.join(","));
  const where = [...(await siteFilter(cli, options.site)), ...(state === null ? [] : [`state=${state}`])];
  const limit = options.limit === 0 ? 10_000 : (options.limit ?? 50);
  const found = await conifer.batchJobs.list({ where, limit });
  const empty = options.all || options.state ? "no batch jobs" : "no open batch jobs (--all for those that have ended)";
  cli.terminal.rows([...found].reverse(), { columns: batchJobColumns, empty });
}
