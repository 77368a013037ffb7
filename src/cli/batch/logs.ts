import { join } from "node:path";
import type { Cli } from "../cli.ts";
import { followFile } from "../follow/file.ts";
import { readableFile } from "../follow/readable.ts";
import { OPEN_BATCH_STATES } from "./columns.ts";
import { selectBatchJob } from "./select.ts";

/** `conifer batch logs` */
export async function showPilotLog(
  cli: Cli,
  options: { follow?: boolean; lines?: number },
  selector: string,
): Promise<void> {
  const conifer = await cli.conifer();
  const id = await selectBatchJob(cli, selector);
  const batchJob = await conifer.batchJobs.get(id);
  const site = await conifer.sites.get(batchJob.siteId);
  const file = join(site.path, "run", "pilots", String(id), "pilot.log");
  const isOpen = async () => (OPEN_BATCH_STATES as readonly string[]).includes((await conifer.batchJobs.get(id)).state);
  if (!options.follow) await readableFile(file, { site, what: `batch job ${id}` });
  await followFile(file, {
    signal: cli.signal,
    lines: options.lines ?? null,
    goesOn: options.follow ? isOpen : null,
    write: cli.terminal.copy,
    json: cli.terminal.json,
  });
}
