import type { Job } from "../../client/wire/entities.ts";
import type { Cli } from "../cli.ts";
import { selectOne } from "../select/selection.ts";
import { type Paint, stateStyle } from "../terminal/colour.ts";
import { clean } from "../terminal/text.ts";

/** `conifer job tree` */
export async function showTree(cli: Cli, _options: object, selector: string): Promise<void> {
  const { client } = await cli.conifer();
  const id = await selectOne(cli, selector, "job tree");
  const { jobs, truncated } = await client.call("jobTree", { params: { id } });
  cli.terminal.answer({ items: jobs, truncated }, () => formatTree(jobs, id, cli.terminal.paint));
  if (truncated) cli.terminal.note("(there are more; this is the part nearest to the job)");
}

/**
 * Jobs under those they wait for, from the ones that wait for none. A job with several parents stands under the first
 * of them shown, and is only named under the others; the job asked for is marked.
 */
export function formatTree(jobs: readonly Job[], marked: number, paint: Paint): string {
  const byId = new Map(jobs.map((job) => [job.id, job]));
  const children = new Map<number, Job[]>();
  const roots: Job[] = [];
  for (const job of jobs) {
    const parents = job.parents.filter((parent) => byId.has(parent.job));
    if (parents.length === 0) roots.push(job);
    for (const parent of parents) children.set(parent.job, [...(children.get(parent.job) ?? []), job]);
  }
  const lines: string[] = [];
  const shown = new Set<number>();
  const walk = (job: Job, lead: string, branch: string) => {
    const again = shown.has(job.id);
    shown.add(job.id);
    const mark = job.id === marked ? paint("bold", " ◀") : "";
    const name = `${job.id} ${clean(job.name)} ${paint("dim", clean(job.app))} ${paint(stateStyle(job.state), job.state)}`;
    lines.push(`${lead}${branch}${again ? `${job.id} (above)` : name}${mark}`);
    if (again) return;
    const below = children.get(job.id) ?? [];
    const deeper = lead + (branch === "" ? "" : branch === "└─ " ? "   " : "│  ");
    for (const [at, child] of below.entries()) walk(child, deeper, at === below.length - 1 ? "└─ " : "├─ ");
  };
  for (const root of roots) walk(root, "", "");
  return `${lines.join("\n")}\n`;
}
