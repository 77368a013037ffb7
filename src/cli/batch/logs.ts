import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Cli } from "../cli.ts";
import { followFile } from "../follow/file.ts";
import { readableFile } from "../follow/readable.ts";
import { OPEN_BATCH_STATES } from "./columns.ts";
import { selectBatchJob } from "./select.ts";

/** What lies in the directory of a batch job's pilot: what the allocation printed, what its scheduler added, the pilot's log. */
const OUTPUTS = ["pilot.out", "pilot.out.scheduler"];
const LOG = "pilot.log";

/** `conifer batch logs` */
export async function showPilotLog(
  cli: Cli,
  options: { follow?: boolean; tail?: number },
  selector: string,
): Promise<void> {
  const conifer = await cli.conifer();
  const id = await selectBatchJob(cli, selector);
  const batchJob = await conifer.batchJobs.get(id);
  const site = await conifer.sites.get(batchJob.siteId);
  const place = join(site.path, "run", "pilots", String(id));
  const isOpen = async () => (OPEN_BATCH_STATES as readonly string[]).includes((await conifer.batchJobs.get(id)).state);
  const show = (file: string, goesOn: (() => Promise<boolean>) | null) =>
    followFile(file, {
      signal: cli.signal,
      lines: options.tail ?? null,
      goesOn,
      write: cli.terminal.copy,
      json: cli.terminal.json,
    });
  const outputs = [];
  for (const name of OUTPUTS) if (await holdsText(join(place, name))) outputs.push(join(place, name));
  const log = join(place, LOG);
  const hasLog = await holdsText(log);
  // A script that failed before the pilot began has left its words in its output alone.
  if (!options.follow && !hasLog && outputs.length === 0) await readableFile(log, { site, what: `batch job ${id}` });
  for (const file of outputs) {
    cli.terminal.note(cli.terminal.paintError("dim", `== ${file}`));
    await show(file, null);
  }
  if (outputs.length > 0) cli.terminal.note(cli.terminal.paintError("dim", `== ${log}`));
  if (hasLog || options.follow) await show(log, options.follow ? isOpen : null);
}

async function holdsText(file: string): Promise<boolean> {
  return stat(file).then(
    ({ size }) => size > 0,
    () => false,
  );
}
