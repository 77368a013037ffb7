import { join } from "node:path";
import type { Conifer } from "../../client/connect.ts";
import { isFinal } from "../../model/states.ts";
import type { Cli } from "../cli.ts";
import { followFile } from "../follow/file.ts";
import { readableFile } from "../follow/readable.ts";
import { selectOne } from "../select/selection.ts";

type Options = {
  readonly follow?: boolean;
  readonly stderr?: boolean;
  readonly attempt?: number;
  readonly lines?: number;
};

/** `conifer job logs` */
export async function showLogs(cli: Cli, options: Options, selector: string): Promise<void> {
  const conifer = await cli.conifer();
  const id = await selectOne(cli, selector, "job logs");
  const job = await conifer.jobs.get(id);
  const site = await conifer.sites.get(job.siteId);
  // The last attempt's files have no number.
  const isEarlier = options.attempt !== undefined && options.attempt < job.attempt;
  const name = `job.${isEarlier ? `${options.attempt}.` : ""}${options.stderr ? "err" : "out"}`;
  const file = join(site.path, "data", job.workdir, name);
  if (!options.follow || isFinal(job.state)) await readableFile(file, { site, what: `job ${id}` });
  await followFile(file, {
    signal: cli.signal,
    lines: options.lines ?? null,
    goesOn: options.follow && !isEarlier ? () => isUnderWay(conifer, id) : null,
    write: cli.terminal.copy,
    json: cli.terminal.json,
  });
}

/** Whether a job may still write. */
export async function isUnderWay(conifer: Conifer, id: number): Promise<boolean> {
  return !isFinal((await conifer.jobs.get(id)).state);
}
