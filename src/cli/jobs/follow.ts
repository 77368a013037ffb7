import { idParts } from "../../client/wait/parts.ts";
import type { Progress } from "../../client/wait/progress.ts";
import { waitForParts } from "../../client/wait/wait.ts";
import { formatDuration } from "../../model/durations.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";
import { openLiveLine } from "../terminal/live.ts";

export type FollowOptions = { readonly isShown: boolean; readonly timeoutSec?: number };

/** Waits for jobs (ids or filters) under the eyes of the user; throws JOBS_FAILED where not all finished well. */
export async function followProgress(
  cli: Cli,
  jobs: readonly number[] | { where: readonly string[] },
  options: FollowOptions,
): Promise<Progress> {
  const { client } = await cli.conifer();
  const parts = "where" in jobs ? [{ where: jobs.where, ids: null }] : idParts(jobs);
  const line = openLiveLine(cli.terminal);
  const began = { at: performance.now(), ended: null as number | null };
  const progress = await waitForParts(client, parts, {
    signal: cli.signal,
    ...(options.timeoutSec === undefined ? {} : { timeoutSec: options.timeoutSec }),
    onProgress(now) {
      began.ended ??= now.ended;
      if (options.isShown) line.show(formatProgress(now, { since: began.ended, seconds: elapsed(began.at) }));
    },
  }).finally(() => line.end());
  if (progress.finished < progress.total)
    throw new ConiferError("JOBS_FAILED", { failed: progress.total - progress.finished, total: progress.total });
  return progress;
}

/** `[#####.....] 50/100  running 4  failed 1  12/s  4s left` */
export function formatProgress(progress: Progress, pace: { since: number; seconds: number }): string {
  const { total, ended, running, failed, killed } = progress;
  const share = total === 0 ? 1 : ended / total;
  const full = Math.floor(share * 24);
  const rate = pace.seconds > 0 ? (ended - pace.since) / pace.seconds : 0;
  const left = total - ended;
  return [
    `[${"#".repeat(full)}${".".repeat(24 - full)}] ${ended}/${total}`,
    running > 0 ? `running ${running}` : "",
    failed > 0 ? `failed ${failed}` : "",
    killed > 0 ? `killed ${killed}` : "",
    rate > 0 ? `${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s` : "",
    rate > 0 && left > 0 ? `${formatDuration(Math.ceil(left / rate))} left` : "",
  ]
    .filter((part) => part !== "")
    .join("  ");
}

const elapsed = (since: number): number => (performance.now() - since) / 1000;
