import { wakeUps } from "../../client/wait/wake-ups.ts";
import type { BatchJob } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";
import { hintAtSilence } from "../hints/sites.ts";
import { siteOrOnly } from "../sites/which.ts";
import { pairs } from "../tree/values.ts";
import { selectBatchJobs } from "./select.ts";

type Options = {
  readonly site?: string;
  readonly nodes?: number;
  readonly wallTime?: number;
  readonly queue?: string;
  readonly project?: string;
  readonly tag?: readonly string[];
  readonly option?: readonly string[];
  readonly after?: readonly string[];
  readonly afterWhen?: string;
  readonly wait?: boolean;
};

/** `conifer batch submit` */
export async function submitBatchJob(cli: Cli, options: Options): Promise<void> {
  const conifer = await cli.conifer();
  const site = await siteOrOnly(cli, options.site);
  const { nodes, wallTime, queue, project } = options;
  const made = await conifer.batchJobs.submit({
    site: site.id,
    ...(nodes === undefined ? {} : { nodes }),
    ...(wallTime === undefined ? {} : { wallTimeMin: wallTime }),
    ...(queue === undefined ? {} : { queue }),
    ...(project === undefined ? {} : { project }),
    ...(options.tag === undefined ? {} : { filterTags: pairs("--tag", options.tag) }),
    ...(await schedulerOptions(cli, options)),
  });
  hintAtSilence(cli, site);
  const batchJob = options.wait ? await untilItRuns(cli, made) : made;
  cli.terminal.answer(batchJob, () =>
    options.wait
      ? `batch job ${batchJob.id} is ${batchJob.state}\n`
      : `submitted batch job ${batchJob.id} to site ${site.name}\n`,
  );
}

/** Options of the scheduler, and which batch jobs this one comes after. */
async function schedulerOptions(
  cli: Cli,
  { option, after, afterWhen }: Options,
): Promise<{ options?: Record<string, string | number[]> }> {
  if (afterWhen !== undefined && after === undefined)
    throw new ConiferError("BAD_INPUT", { where: "--after-when", problem: "say after which batch job: --after ID" });
  if (option === undefined && after === undefined) return {};
  return {
    options: {
      ...pairs("--option", option),
      ...(after === undefined ? {} : { after: await selectBatchJobs(cli, after) }),
      ...(afterWhen === undefined ? {} : { afterWhen }),
    },
  };
}

async function untilItRuns(cli: Cli, made: BatchJob): Promise<BatchJob> {
  const conifer = await cli.conifer();
  for await (const _ of wakeUps(conifer.client, { signal: cli.signal })) {
    const now = await conifer.batchJobs.get(made.id);
    if (now.state === "running" || now.state === "finished") return now;
    if (now.state !== "pending_submission" && now.state !== "queued")
      throw new ConiferError("CONFLICT", { what: `batch job ${now.id}`, problem: `it is ${now.state}: ${now.reason}` });
  }
  throw cli.signal.reason;
}
