import type { Conifer } from "../../client/connect.ts";
import type { NewJob } from "../../client/jobs/jobs.ts";
import type { App, JobCreate } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";
import { formatIdSet } from "../../model/id-set.ts";
import { whereFrom } from "../apps/find.ts";
import type { Cli } from "../cli.ts";
import { hintAtSites } from "../hints/sites.ts";
import { confirm } from "../terminal/confirm.ts";
import { pairs } from "../tree/values.ts";
import { countJobs } from "./act.ts";
import { type AskOptions, askedFields, readJsonObject } from "./asked.ts";
import { followProgress } from "./follow.ts";
import { readInputs, readParents } from "./links.ts";
import { fitted, openParameter, readParameters } from "./parameters.ts";
import { readJobs, readLines } from "./sources.ts";
import { type Axis, combinations, countCombinations, parseSweep } from "./sweep.ts";

type Options = AskOptions & {
  readonly app?: string;
  readonly param?: readonly string[];
  readonly name?: string;
  readonly workflow?: string;
  readonly tag?: readonly string[];
  readonly data?: string;
  readonly workdir?: string;
  readonly parent?: readonly string[];
  readonly input?: readonly string[];
  readonly copyInputs?: boolean;
  readonly site?: string;
  readonly count?: number;
  readonly sweep?: readonly string[];
  readonly eachLine?: string;
  readonly lineParam?: string;
  readonly fromJson?: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly progress?: boolean;
  readonly yes?: boolean;
};

/** More jobs than this are asked about, where somebody can answer. */
const MANY = 10_000;

/** Jobs to come: how many (null = as many as there are lines) and each. */
type Plan = { readonly count: number | null; readonly jobs: Iterable<NewJob> | AsyncIterable<NewJob> };

/** `conifer job create` */
export async function createJobs(
  cli: Cli,
  options: Options,
  first?: string,
  others: readonly string[] = [],
): Promise<void> {
  const conifer = await cli.conifer();
  const appName = options.app ?? first;
  const after = options.app === undefined || first === undefined ? others : [first, ...others];
  const texts = [...after, ...(options.param ?? [])];
  const plan = await planJobs(cli, conifer, { options, appName, texts });
  if (options.dryRun) return showPlan(cli, plan);
  if ((plan.count ?? 0) > MANY)
    await confirm(cli.terminal, `Create ${plan.count?.toLocaleString("en")} jobs?`, options.yes === true);
  const ids = await create(cli, conifer, plan);
  cli.terminal.answer({ ids }, () =>
    ids.length === 1 ? `created job ${ids[0]}\n` : `created ${countJobs(ids.length)}: ${formatIdSet(ids)}\n`,
  );
  const [one] = ids;
  if (one === undefined) return;
  if (options.wait || options.progress) await followProgress(cli, ids, { isShown: options.progress === true });
  else await hintAtSites(cli, [(await conifer.jobs.get(one)).siteId]);
}

type Asked = { readonly options: Options; readonly appName: string | undefined; readonly texts: readonly string[] };

async function planJobs(cli: Cli, conifer: Conifer, { options, appName, texts }: Asked): Promise<Plan> {
  if (appName === undefined && options.fromJson === undefined)
    throw new ConiferError("BAD_INPUT", { where: "job create", problem: "no app was named" });
  const app = appName === undefined ? null : await whereFrom(cli, conifer, appName, options.site);
  const common = await commonFields(cli, options, app);
  const given = readParameters(texts, app);
  const axes = (options.sweep ?? []).flatMap((text) => parseSweep(text));
  const { count: copies = 1 } = options;
  const combined = (base: Partial<JobCreate>): Iterable<NewJob> => sweep(base, { common, given, axes, app, copies });
  if (options.fromJson !== undefined) {
    const jobs = await readJobs(options.fromJson, cli.cwd);
    return { count: jobs.length * countCombinations(axes) * copies, jobs: flatten(jobs, combined) };
  }
  if (options.eachLine !== undefined && app !== null) {
    const name =
      options.lineParam ??
      openParameter(app, { ...given, ...Object.fromEntries(axes.map((axis) => [axis.name, null])) });
    const file = options.eachLine;
    const lines = async function* () {
      for await (const line of readLines(file, cli.cwd))
        yield* combined({ parameters: readParameters([`${name}=${line}`], app) });
    };
    return { count: null, jobs: lines() };
  }
  return { count: countCombinations(axes) * copies, jobs: combined({}) };
}

type Sweep = {
  readonly common: Partial<JobCreate>;
  readonly given: NonNullable<JobCreate["parameters"]>;
  readonly axes: readonly Axis[];
  readonly app: App | null;
  readonly copies: number;
};

/** As many jobs as asked for of each combination; what the job itself says goes before the options. */
function* sweep(base: Partial<JobCreate>, { common, given, axes, app, copies }: Sweep): Generator<NewJob, void> {
  for (const point of combinations(axes)) {
    const fit = Object.entries(point).map(([name, value]) => [name, fitted(value, app?.parameters[name]?.type)]);
    const parameters = { ...given, ...Object.fromEntries(fit), ...base.parameters };
    const job = { ...common, ...base, ...(Object.keys(parameters).length > 0 ? { parameters } : {}) };
    if (job.app === undefined)
      throw new ConiferError("BAD_INPUT", { where: "--from-json", problem: "a job names no app" });
    for (let copy = 0; copy < copies; copy += 1) yield { ...job, app: job.app };
  }
}

function* flatten<T, U>(items: Iterable<T>, each: (item: T) => Iterable<U>): Generator<U, void> {
  for (const item of items) yield* each(item);
}

async function commonFields(cli: Cli, options: Options, app: App | null): Promise<Partial<JobCreate>> {
  const { name, workflow, workdir, tag, data, parent, input } = options;
  const here = app === null ? (options.site ?? (await cli.here())?.name) : undefined;
  const fields = {
    ...(app === null ? { site: here } : { app: app.id }),
    ...{ name, workflow, workdir },
    tags: tag === undefined ? undefined : pairs("--tag", tag),
    data: data === undefined ? undefined : (readJsonObject("--data", data) as JobCreate["data"]),
    parents: parent === undefined ? undefined : await readParents(cli, parent, "--parent"),
    inputs: input === undefined ? undefined : readInputs(input, options.copyInputs ? "copy" : "link"),
    ...askedFields(options),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

async function create(cli: Cli, conifer: Conifer, plan: Plan): Promise<number[]> {
  const { signal } = cli;
  // What may name other items by key must be one request; lines and sweeps never do and need not be held in memory.
  if (plan.count !== null && plan.count <= 100_000) {
    const jobs: NewJob[] = [];
    for await (const job of plan.jobs) jobs.push(job);
    return (await conifer.jobs.create(jobs, { signal })).map((job) => job.id);
  }
  const ids: number[] = [];
  for await (const batch of conifer.jobs.createEach(plan.jobs, { signal })) for (const id of batch) ids.push(id);
  return ids;
}

async function showPlan(cli: Cli, { count, jobs }: Plan): Promise<void> {
  const SHOWN = 3;
  const first: NewJob[] = [];
  let total = 0;
  for await (const job of jobs) {
    if (first.length < SHOWN) first.push(job);
    total += 1;
    if (count !== null && first.length === SHOWN) break;
  }
  const answer = { count: count ?? total, first };
  cli.terminal.answer(answer, () => {
    const lines = first.map((job) => `  ${JSON.stringify(job)}\n`).join("");
    return `would create ${countJobs(answer.count)}${answer.count > SHOWN ? `; the first ${SHOWN}:` : ":"}\n${lines}`;
  });
}
