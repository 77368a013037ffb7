import { join } from "node:path";
import { quote } from "../../app/quote.ts";
import type { Conifer } from "../../client/connect.ts";
import type { JobHandle } from "../../client/jobs/handle.ts";
import type { Site } from "../../client/wire/entities.ts";
import { isFinal } from "../../model/states.ts";
import type { Cli } from "../cli.ts";
import { followFile } from "../follow/file.ts";
import { siteObstacles } from "../hints/sites.ts";
import { type AskOptions, askedFields } from "../jobs/asked.ts";
import { siteOrOnly } from "../sites/which.ts";
import { pairs } from "../tree/values.ts";

type Options = AskOptions & {
  readonly name?: string;
  readonly workflow?: string;
  readonly tag?: readonly string[];
  readonly workdir?: string;
  readonly site?: string;
  readonly wait?: boolean;
};

/** The app that runs one line of shell; made at a site when it is first needed. */
const SHELL_APP = {
  name: "conifer.run",
  description: "Runs a line of shell text (conifer run)",
  command: "{{command|raw}}",
  parameters: { command: { type: "string" as const, help: "shell text" } },
};

/** `conifer run` */
export async function runCommand(cli: Cli, options: Options, words: readonly string[]): Promise<void> {
  const conifer = await cli.conifer();
  const site = await siteOrOnly(cli, options.site);
  const [only = ""] = words;
  const command = words.length === 1 ? only : words.map(quote).join(" ");
  const job = await conifer.jobs.create({
    app: await shellApp(conifer, site),
    name: options.name ?? nameOf(words),
    parameters: { command },
    ...(options.workflow === undefined ? {} : { workflow: options.workflow }),
    ...(options.workdir === undefined ? {} : { workdir: options.workdir }),
    ...(options.tag === undefined ? {} : { tags: pairs("--tag", options.tag) }),
    ...askedFields(options),
  });
  if (!cli.terminal.json) for (const obstacle of await siteObstacles(conifer, site)) hint(cli, obstacle);
  if (options.wait) return waitFor(cli, job, site);
  cli.terminal.answer({ id: job.id }, () => `created job ${job.id}\n`);
}

async function shellApp(conifer: Conifer, site: Site): Promise<number> {
  const [known] = await conifer.apps.list({ site: site.id, name: SHELL_APP.name });
  if (known) return known.id;
  const { items } = await conifer.apps.sync(site.id, [SHELL_APP]);
  const made = items.find((app) => app.name === SHELL_APP.name);
  return made ? made.id : (await conifer.apps.get(SHELL_APP.name, { site: site.id })).id;
}

/** Its output as it comes, and its exit code: what running it here would look like. */
async function waitFor(cli: Cli, job: JobHandle, site: Site): Promise<void> {
  cli.terminal.note(cli.terminal.paintError("dim", `job ${job.id}`));
  const { workdir } = await job.load();
  const directory = join(site.path, "data", workdir);
  const over = new AbortController();
  const ended = job.wait({ signal: cli.signal }).finally(() => over.abort());
  ended.catch(() => undefined);
  const goesOn = async () => !over.signal.aborted;
  const show = (name: string, write: (text: string) => void) =>
    followFile(join(directory, name), { signal: cli.signal, lines: null, goesOn, write, json: false });
  if (!cli.terminal.json) await Promise.all([show("job.out", cli.terminal.copy), show("job.err", cli.terminal.raw)]);
  const { id, state, exitCode, reason, attempt } = await ended.catch((error: unknown) => {
    if (cli.signal.aborted) cli.terminal.note(`job ${job.id} goes on; to end it: conifer job kill ${job.id}`);
    throw error;
  });
  if (cli.terminal.json) cli.terminal.answer({ id, state, exitCode, reason, attempt, directory }, () => "");
  if (state !== "JOB_FINISHED" && isFinal(state)) {
    cli.terminal.note(`job ${id} is ${state}${reason ? `: ${reason}` : ""}`);
    cli.exitWith(exitCode === null || exitCode === 0 ? 8 : exitCode);
  }
}

/** The program's name, as far as a job's name goes. */
function nameOf(words: readonly string[]): string {
  const program = words[0]?.trim().split(/\s+/)[0]?.split("/").at(-1) ?? "";
  return program.replace(/[^A-Za-z0-9_.-]+/g, "").slice(0, 60) || "run";
}

const hint = (cli: Cli, text: string): void =>
  cli.terminal.note(`${cli.terminal.paintError("yellow", "hint:")} ${text}`);
