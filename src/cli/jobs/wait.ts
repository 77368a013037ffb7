import type { Cli } from "../cli.ts";
import { type SelectOptions, selectJobs } from "../select/selection.ts";
import { countJobs } from "./act.ts";
import { followProgress } from "./follow.ts";

/** `conifer job wait` */
export async function waitForJobs(
  cli: Cli,
  options: SelectOptions & { progress?: boolean; timeout?: number },
  selectors: readonly string[] = [],
): Promise<void> {
  const selection = await selectJobs(cli, selectors, { ...options, command: "job wait" });
  const jobs = selection.kind === "ids" ? selection.ids : { where: selection.where };
  const progress = await followProgress(cli, jobs, {
    isShown: options.progress === true,
    ...(options.timeout === undefined ? {} : { timeoutSec: options.timeout }),
  });
  cli.terminal.answer(progress, ({ finished }) => `${countJobs(finished)} finished\n`);
}
