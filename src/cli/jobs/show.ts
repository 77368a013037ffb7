import { join } from "node:path";
import type { Conifer } from "../../client/connect.ts";
import type { Job } from "../../client/wire/entities.ts";
import { formatDuration } from "../../model/durations.ts";
import { formatSize } from "../../model/sizes.ts";
import type { Cli } from "../cli.ts";
import { selectIdList } from "../select/selection.ts";
import { type Paint, stateStyle } from "../terminal/colour.ts";
import { formatFields, formatPairs, type Line } from "../terminal/fields.ts";
import { formatMinutes, formatTime } from "../terminal/times.ts";

/** `conifer job show` */
export async function showJobs(cli: Cli, _options: object, selectors: readonly string[]): Promise<void> {
  const conifer = await cli.conifer();
  const ids = await selectIdList(cli, selectors, "job show");
  const jobs = [];
  for (const id of ids) jobs.push(await withPlace(conifer, await conifer.client.call("jobGet", { params: { id } })));
  cli.terminal.answer({ items: jobs }, ({ items }) =>
    items.map((job) => formatJob(job, cli.terminal.paint)).join("\n"),
  );
}

type PlacedJob = Job & { readonly directory: string };

async function withPlace(conifer: Conifer, job: Job): Promise<PlacedJob> {
  const site = await conifer.sites.get(job.siteId);
  return { ...job, directory: join(site.path, "data", job.workdir) };
}

function formatJob(job: PlacedJob, paint: Paint): string {
  const parents = job.parents.map((one) => (one.when === "ok" ? `${one.job}` : `${one.job}:${one.when}`));
  const inputs = job.inputs.map((input) => `${input.from}:${input.files.join(",")} (${input.mode})`);
  const lines: Line[] = [
    ["job", job.id, "bold"],
    ["name", job.name],
    ["state", job.state, stateStyle(job.state)],
    ["reason", job.reason],
    ["app", `${job.app} at ${job.site}`],
    ["workflow", job.workflow],
    ["tags", formatPairs(job.tags)],
    ["parameters", formatPairs(job.parameters)],
    ["data", Object.keys(job.data).length > 0 ? JSON.stringify(job.data) : null],
    ["environment", formatPairs(job.environment)],
    ["directory", job.directory],
    ["parents", parents.join(", ")],
    ["inputs", inputs.join("; ")],
    ["needs", formatNeeds(job)],
    ["time limit", job.limitSec === null ? null : formatDuration(job.limitSec)],
    ["priority", job.priority === 0 ? null : job.priority],
    ["attempt", `${job.attempt} of ${job.maxAttempts}, retried after ${job.retryOn.join(", ") || "nothing"}`],
    ["losses", job.losses === 0 ? null : `${job.losses} of ${job.maxLosses}`],
    ["exit code", job.exitCode],
    ["batch job", job.batchJobId],
    ["created", formatTime(job.created)],
    ["started", job.started === null ? null : formatTime(job.started)],
    ["ended", formatEnd(job)],
  ];
  return formatFields(lines, paint);
}

function formatNeeds(job: Job): string {
  const needs = [
    `${job.nodes} node${job.nodes === 1 ? "" : "s"}`,
    `${job.ranksPerNode} rank${job.ranksPerNode === 1 ? "" : "s"} a node`,
    job.threadsPerRank > 1 ? `${job.threadsPerRank} threads a rank` : "",
    job.gpusPerRank > 0 ? `${job.gpusPerRank} GPUs a rank` : "",
    job.memoryPerNodeBytes > 0 ? `${formatSize(job.memoryPerNodeBytes)} a node` : "",
    job.nodePackingCount > 0 ? `at most ${job.nodePackingCount} on a node` : "",
    job.wallTimeMin > 0 ? `about ${formatMinutes(job.wallTimeMin)}` : "",
  ];
  return needs.filter((need) => need !== "").join(", ");
}

function formatEnd(job: Job): string | null {
  if (job.ended === null) return null;
  const took = job.started === null ? "" : ` after ${formatDuration(span(job.started, job.ended))}`;
  return `${formatTime(job.ended)}${took}`;
}

const span = (from: string, to: string): number => Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000);
