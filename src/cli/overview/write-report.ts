import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Conifer } from "../../client/connect.ts";
import { idParts } from "../../client/wait/parts.ts";
import type { BatchJob, Job, JobEvent } from "../../client/wire/entities.ts";
import { formatDuration } from "../../model/durations.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";
import { countJobs } from "../jobs/act.ts";
import {
  drawHtmlReport,
  drawUtilisation,
  meanUtilisation,
  type NodeSlots,
  type ReportSection,
  type TaskInterval,
} from "../report/index.ts";
import { type SelectOptions, selectJobs, toWhere } from "../select/selection.ts";
import { formatTime } from "../terminal/times.ts";
import { placeRuns, type Run, type RunLabel, runsOf } from "./run-times.ts";

type Options = SelectOptions & {
  readonly out?: string;
  readonly title?: string;
  readonly figure?: readonly string[];
  readonly log?: readonly string[];
};

/** `conifer report` */
export async function writeReport(cli: Cli, options: Options, selectors: readonly string[] = []): Promise<void> {
  const selection = await selectJobs(cli, selectors, { ...options, command: "report" });
  const conifer = await cli.conifer();
  const where = toWhere(selection);
  const jobs = await conifer.jobs.filter(...where).all();
  if (jobs.length === 0) throw new ConiferError("NOT_FOUND", { kind: "job", name: where.join(" "), list: "job" });
  const figures = await readAll(cli, options.figure ?? []);
  const logs = await readAll(cli, options.log ?? []);
  const runs = await readRuns(conifer, jobs);
  const intervals = placeRuns(runs, new Map(jobs.map((job) => [job.id, labelOf(job)])));
  const allocations = await readAllocations(conifer, runs);
  const picture = {
    intervals,
    slots: slotsOf(intervals),
    allocation: allocations.map((one) => spanOf(one, intervals)),
  };
  const sections: ReportSection[] = [
    summary(jobs, runs, meanUtilisation(picture)),
    ...logs.map(({ name, text }) => ({ heading: "Result", output: text.trim(), note: name })),
    ...figures.map(({ name, text }) => ({ heading: titleOf(name), svg: text })),
    { heading: "Utilisation", text: "What ran when, on which slots of which node.", svg: drawUtilisation(picture) },
    byApp(jobs, runs),
    ...failures(jobs),
    {
      heading: "How to look further",
      commands: [`conifer job ls ${where.join(" ")}`, "conifer job history last", "conifer status"],
    },
  ];
  const out = resolve(cli.cwd, options.out ?? "conifer-report");
  await mkdir(out, { recursive: true });
  const title = options.title ?? `Report on ${where.join(" ")}`;
  const files = [
    ["index.html", drawHtmlReport({ title, subtitle: subtitleOf(jobs), sections })],
    ["utilisation.svg", drawUtilisation(picture)],
    ...figures.map(({ name, text }) => [name, text]),
  ] as const;
  for (const [name = "", text = ""] of files) await writeFile(join(out, name), text);
  const answer = {
    folder: out,
    files: files.map(([name]) => name),
    jobs: jobs.length,
    utilisation: meanUtilisation(picture),
  };
  cli.terminal.answer(answer, () => `report on ${countJobs(jobs.length)}: ${join(out, "index.html")}\n`);
}

function labelOf(job: Job): RunLabel {
  const { ranksPerNode, threadsPerRank, threadsPerCore } = job;
  const cores = Math.max(1, Math.ceil((ranksPerNode * threadsPerRank) / threadsPerCore));
  return { label: job.name, group: job.app, cores };
}

async function readAll(cli: Cli, files: readonly string[]): Promise<{ name: string; text: string }[]> {
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(resolve(cli.cwd, file), "utf8").catch((cause: unknown) => {
        throw new ConiferError("BAD_INPUT", { where: "report", problem: `${file} cannot be read` }, { cause });
      });
      return { name: basename(file), text };
    }),
  );
}

async function readRuns(conifer: Conifer, jobs: readonly Job[]): Promise<Run[]> {
  const byJob = new Map<number, JobEvent[]>();
  for (const part of idParts(jobs.map((job) => job.id))) {
    const ids = part.ids ?? [];
    for (let at = 0; at < ids.length; at += 800) {
      const filter = `job=${ids.slice(at, at + 800).join(",")}`;
      for (let after: string | null | undefined; after !== null; ) {
        const query = { where: [filter], limit: 5000, ...(after === undefined ? {} : { after }) };
        const page = await conifer.client.call("eventList", { query });
        for (const event of page.items) byJob.set(event.jobId, [...(byJob.get(event.jobId) ?? []), event]);
        after = page.next;
      }
    }
  }
  return [...byJob.values()].flatMap(runsOf);
}

async function readAllocations(conifer: Conifer, runs: readonly Run[]): Promise<BatchJob[]> {
  const ids = new Set(runs.map((run) => run.batchJob));
  const found: BatchJob[] = [];
  for (const id of ids) if (id !== null) found.push(await conifer.batchJobs.get(id));
  return found;
}

/** From its start to its end; one that still runs, to the last end of a task. */
function spanOf(one: BatchJob, intervals: readonly TaskInterval[]): { startMs: number; endMs: number } {
  const first = intervals.reduce((least, { startMs }) => Math.min(least, startMs), Number.POSITIVE_INFINITY);
  const last = intervals.reduce((most, { endMs }) => Math.max(most, endMs), 0);
  const startMs = one.started === null ? first : Math.min(Date.parse(one.started), first);
  return { startMs, endMs: one.ended === null ? last : Math.min(Date.parse(one.ended), last) };
}

function slotsOf(intervals: readonly TaskInterval[]): NodeSlots[] {
  const counts = new Map<string, number>();
  for (const { node, slot } of intervals) counts.set(node, Math.max(counts.get(node) ?? 0, slot + 1));
  return [...counts].map(([node, count]) => ({ node, count })).sort((a, b) => a.node.localeCompare(b.node));
}

function summary(jobs: readonly Job[], runs: readonly Run[], utilisation: number): ReportSection {
  const finished = jobs.filter((job) => job.state === "JOB_FINISHED").length;
  const busySec = runs.reduce((sum, run) => sum + run.endMs - run.startMs, 0) / 1000;
  const begun = Math.min(...runs.map((run) => run.startMs));
  const ended = Math.max(...runs.map((run) => run.endMs));
  return {
    heading: "Summary",
    facts: [
      { name: "Jobs", value: String(jobs.length), note: `${finished} finished` },
      ...(finished < jobs.length ? [{ name: "Not finished", value: String(jobs.length - finished) }] : []),
      { name: "Attempts", value: String(runs.length) },
      ...(runs.length > 0
        ? [
            { name: "From first start to last end", value: formatDuration((ended - begun) / 1000) },
            { name: "Run time in all", value: formatDuration(busySec) },
            { name: "Utilisation", value: `${Math.round(utilisation * 100)} %`, note: "of the slots that were there" },
          ]
        : []),
    ],
  };
}

function byApp(jobs: readonly Job[], runs: readonly Run[]): ReportSection {
  const secondsOf = new Map<number, number>();
  for (const run of runs) secondsOf.set(run.job, (secondsOf.get(run.job) ?? 0) + (run.endMs - run.startMs) / 1000);
  const apps = [...new Set(jobs.map((job) => job.app))];
  const rows = apps.map((app) => {
    const own = jobs.filter((job) => job.app === app);
    const times = own.map((job) => secondsOf.get(job.id) ?? 0).sort((a, b) => a - b);
    const total = times.reduce((sum, time) => sum + time, 0);
    const middle = times[Math.floor(times.length / 2)] ?? 0;
    const finished = own.filter((job) => job.state === "JOB_FINISHED").length;
    return [
      app,
      own.length,
      finished,
      formatDuration(middle),
      formatDuration(times.at(-1) ?? 0),
      formatDuration(total),
    ];
  });
  return {
    heading: "By app",
    table: { columns: ["App", "Jobs", "Finished", "Median run", "Longest run", "In all"], rows },
  };
}

/** Jobs that ended badly are what a reader looks for first; the list is kept short. */
function failures(jobs: readonly Job[]): ReportSection[] {
  const bad = jobs.filter((job) => job.state === "FAILED" || job.state === "USER_KILLED");
  if (bad.length === 0) return [];
  const rows = bad.slice(0, 50).map((job) => [job.id, job.name, job.app, job.state, job.exitCode ?? "", job.reason]);
  const text = bad.length > 50 ? `The first 50 of ${bad.length}.` : undefined;
  return [
    {
      heading: "What ended badly",
      ...(text === undefined ? {} : { text }),
      table: { columns: ["Job", "Name", "App", "State", "Exit", "Reason"], rows },
    },
  ];
}

function subtitleOf(jobs: readonly Job[]): string {
  const sites = [...new Set(jobs.map((job) => job.site))].join(", ");
  return `${countJobs(jobs.length)} at site ${sites}, written ${formatTime(new Date().toISOString())}`;
}

function titleOf(file: string): string {
  const words = file.replace(/\.[a-z]+$/i, "").replace(/[-_]+/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
