import type { BatchJob } from "../../client/wire/entities.ts";
import { isConiferError } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";
import { confirm } from "../terminal/confirm.ts";
import { selectBatchJobs } from "./select.ts";

/** `conifer batch rm` */
export async function removeBatchJobs(
  cli: Cli,
  options: { site?: string; yes?: boolean },
  selectors: readonly string[],
): Promise<void> {
  const conifer = await cli.conifer();
  const ids = await selectBatchJobs(cli, selectors, options.site);
  const what = ids.length === 1 ? `batch job ${ids[0]}` : `${ids.length} batch jobs`;
  if (ids.length > 0) await confirm(cli.terminal, `Give up ${what}? What runs in them is ended.`, options.yes === true);
  const items: BatchJob[] = [];
  for (const id of ids) {
    try {
      items.push(await conifer.batchJobs.cancel(id));
    } catch (error) {
      // Of several, those that have ended already are no reason to leave the others.
      if (ids.length === 1 || !isConiferError(error) || error.status !== 409) throw error;
      cli.terminal.note(error.message);
    }
  }
  cli.terminal.answer({ items }, () => items.map((one) => `batch job ${one.id} is ${one.state}\n`).join(""));
  if (items.length === 0) cli.terminal.note("no open batch job matches");
}
