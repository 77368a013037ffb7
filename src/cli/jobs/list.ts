import type { LoadedJob } from "../../client/jobs/handle.ts";
import { JOB_STATES, type JobState } from "../../model/states.ts";
import type { Cli } from "../cli.ts";
import { hintAtSites } from "../hints/sites.ts";
import { type SelectOptions, selectJobs, toWhere } from "../select/selection.ts";
import { stateStyle } from "../terminal/colour.ts";
import { jobColumns } from "./columns.ts";

type Options = SelectOptions & {
  readonly limit?: number;
  readonly order?: string;
  readonly byState?: boolean;
  readonly by?: "state" | "app" | "site" | "workflow";
  readonly ids?: boolean;
};

/** `conifer job ls` */
export async function listJobs(cli: Cli, options: Options, selectors: readonly string[] = []): Promise<void> {
  const selection = await selectJobs(cli, selectors, { ...options, command: null });
  const conifer = await cli.conifer();
  const where = toWhere(selection);
  const matching = conifer.jobs.filter(...where);
  const by = options.byState ? "state" : options.by;
  if (by !== undefined) return printCounts(cli, await matching.counts(by), by);
  const limit = options.limit ?? 50;
  const query = limit === 0 ? matching : matching.limit(limit + 1);
  // Without an order the latest are wanted, and the latest is read last, right above the prompt.
  const found = await query.order(options.order ?? "-id").all();
  const hasMore = limit !== 0 && found.length > limit;
  const jobs = hasMore ? found.slice(0, limit) : found;
  if (options.order === undefined) jobs.reverse();
  if (options.ids)
    return cli.terminal.answer(
      jobs.map((job) => job.id),
      (ids) => ids.map((id) => `${id}\n`).join(""),
    );
  cli.terminal.rows<LoadedJob>(jobs, { columns: jobColumns, empty: "no jobs", more: { more: hasMore } });
  if (hasMore) cli.terminal.note(`(the ${options.order ? "first" : "latest"} ${limit}; --limit 0 for all)`);
  const waiting = jobs.filter((job) => job.state === "PREPROCESSED" || job.state === "RESTART_READY");
  await hintAtSites(cli, new Set(waiting.map((job) => job.siteId)));
}

function printCounts(cli: Cli, counts: Map<string, number>, by: string): void {
  const rank = (key: string) => JOB_STATES.indexOf(key as JobState);
  const rows = [...counts].map(([key, count]) => ({ key, count }));
  rows.sort((a, b) => (by === "state" ? rank(a.key) - rank(b.key) : a.key.localeCompare(b.key)));
  cli.terminal.rows(rows, {
    columns: [
      {
        title: by.toUpperCase(),
        value: (row) => row.key || "(none)",
        style: (row) => (by === "state" ? stateStyle(row.key as JobState) : null),
      },
      { title: "JOBS", value: (row) => row.count, align: "right" },
    ],
    empty: "no jobs",
  });
}
