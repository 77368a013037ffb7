import { ConiferError } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";
import { type SelectOptions, selectJobs, toWhere } from "../select/selection.ts";
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
  if (progress.total === 0)
    throw new ConiferError("NOT_FOUND", { kind: "job", name: toWhere(selection).join(" "), list: "job" });
  cli.terminal.answer(progress, ({ finished }) => `${countJobs(finished)} finished\n`);
}
