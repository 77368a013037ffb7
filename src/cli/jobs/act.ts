import type { Changed } from "../../client/jobs/handle.ts";
import { ERRORS } from "../../model/errors.ts";
import { formatIdSet } from "../../model/id-set.ts";
import type { Cli } from "../cli.ts";
import { type Selection, type SelectOptions, selectJobs } from "../select/selection.ts";
import { confirm } from "../terminal/confirm.ts";

export type ActOptions = SelectOptions & { readonly yes?: boolean };
type Act = {
  readonly command: string;
  /** `Kill 5 jobs?` */
  readonly verb: string;
  /** `killed 5 jobs` */
  readonly done: string;
  readonly asks: boolean;
  readonly run: (selection: { ids: number[] } | { where: string[] }) => Promise<Changed>;
};

/** `conifer job kill` */
export async function killJobs(
  cli: Cli,
  options: ActOptions & { recursive?: boolean; reason?: string },
  selectors: readonly string[] = [],
): Promise<void> {
  const { client } = await cli.conifer();
  const more = {
    ...(options.recursive ? { recursive: true } : {}),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  };
  const run: Act["run"] = (selection) => client.call("jobKill", { body: { ...selection, ...more } });
  await act(cli, { command: "job kill", verb: "Kill", done: "killed", asks: true, run }, options, selectors);
}

/** `conifer job retry` */
export async function retryJobs(cli: Cli, options: ActOptions, selectors: readonly string[] = []): Promise<void> {
  const { client } = await cli.conifer();
  const run: Act["run"] = (selection) => client.call("jobRetry", { body: selection });
  await act(cli, { command: "job retry", verb: "Retry", done: "restarted", asks: false, run }, options, selectors);
}

/** `conifer job rm` */
export async function removeJobs(cli: Cli, options: ActOptions, selectors: readonly string[] = []): Promise<void> {
  const { client } = await cli.conifer();
  const run: Act["run"] = (selection) => client.call("jobDelete", { body: selection });
  await act(cli, { command: "job rm", verb: "Delete", done: "deleted", asks: true, run }, options, selectors);
}

/** Selects jobs, asks where that is due, acts, and says what was done and what was left and why. */
export async function act(cli: Cli, what: Act, options: ActOptions, selectors: readonly string[]): Promise<void> {
  const selection = await selectJobs(cli, selectors, { ...options, command: what.command });
  if (what.asks && cli.terminal.canAsk && options.yes !== true)
    await confirm(cli.terminal, `${what.verb} ${await describe(cli, selection)}?`, false);
  const body = selection.kind === "ids" ? { ids: [...selection.ids] } : { where: [...selection.where] };
  reportChange(cli, await what.run(body), what.done);
}

/** Says what a change did; code 5 where jobs matched and none was changed. */
export function reportChange(cli: Cli, changed: Changed, done: string): void {
  cli.terminal.answer(changed, () => `${done} ${countJobs(changed.changed)}\n`);
  for (const { reason, count } of changed.left) cli.terminal.note(`left ${countJobs(count)}: ${reason}`);
  if (changed.matched === 0) cli.terminal.note("no job matches");
  else if (changed.changed === 0) cli.exitWith(ERRORS.CONFLICT.exit);
}

/** `1 job`, `12 jobs`. */
export const countJobs = (count: number): string => `${count} job${count === 1 ? "" : "s"}`;

async function describe(cli: Cli, selection: Selection): Promise<string> {
  if (selection.kind === "ids") {
    const { ids } = selection;
    return ids.length === 1 ? `job ${ids[0]}` : `${countJobs(ids.length)} (${formatIdSet(ids).slice(0, 60)})`;
  }
  const conifer = await cli.conifer();
  return `${countJobs(await conifer.jobs.filter(...selection.where).count())} (${selection.where.join(" ")})`;
}
