import { tmpdir } from "node:os";
import { isAbsolute, join, normalize } from "node:path";
import type { AppDefinition } from "../../../app/definition.ts";
import type { Offer } from "../../../client/wire/sessions.ts";
import { ConiferError } from "../../../model/errors.ts";
import { totalRanks } from "../../../model/resources.ts";
import type { FoundMpi } from "../../../platform/launchers/find-mpi.ts";
import { startsOn } from "../../../platform/launchers/mpi-arguments.ts";
import type { TaskSpec } from "../../link/messages.ts";
import { type HubTask, type TaskPlace, taskName } from "../task.ts";
import { makeCommand, type RankChoices } from "./command.ts";

/** What all tasks of a pilot share. */
export interface DispatchContext {
  readonly site: { readonly name: string; readonly directory: string };
  readonly graceSec: number;
  /** Known by the time a task with several ranks is placed. */
  readonly mpi: () => FoundMpi;
  readonly ranks: RankChoices;
  /** Further names of variables that ranks on other nodes need. */
  readonly forwarded: readonly string[];
  readonly asRoot: boolean;
  /** Lets one attempt reach the server through the pilot until it ends; null where there is no relay. */
  readonly grant: ((job: number, attempt: number) => { address: string; token: string }) | null;
}

/** Makes a task of a job that the server hands out. */
export function toHubTask(offer: Offer, app: AppDefinition, context: DispatchContext): HubTask {
  return {
    id: offer.job,
    attempt: offer.attempt,
    priority: offer.priority,
    resources: offer,
    isWide: offer.wide,
    startsOn: startOf(offer, context),
    makeSpec: (places) => makeSpec({ offer, app, context, places }),
  };
}

function startOf(offer: Offer, { mpi }: DispatchContext): "first-node" | "batch-host" {
  const found = totalRanks(offer) > 1 ? mpi() : null;
  return found && "launcher" in found ? startsOn(found.launcher) : "first-node";
}

interface Dispatch {
  readonly offer: Offer;
  readonly app: AppDefinition;
  readonly context: DispatchContext;
  readonly places: readonly TaskPlace[];
}

function makeSpec({ offer, app, context, places }: Dispatch): TaskSpec {
  const { job, attempt, name } = offer;
  const data = join(context.site.directory, "data");
  const workdir = inside(data, offer.workdir, `workdir of job ${job}`);
  const environment = { ...app.environment, ...offer.environment };
  const { command, preamble } = makeCommand({
    app,
    parameters: offer.parameters,
    job: { id: job, name, attempt, workdir },
    resources: offer,
    places,
    environment: [...Object.keys(environment), ...everyRanks, ...(context.grant === null ? [] : [jobFile])],
    forwarded: context.forwarded,
    launchOptions: offer.launchOptions,
    ranks: context.ranks,
    directories: [context.site.directory, temporary],
    mpi: totalRanks(offer) > 1 ? context.mpi() : { missing: "it was not looked for" },
    asRoot: context.asRoot,
  });
  // What starts the ranks from another host has none of their cores there.
  const place = startOf(offer, context) === "batch-host" ? undefined : places[0];
  return {
    task: taskName({ id: job, attempt }),
    attempt,
    command,
    preamble,
    workdir,
    stdout: "job.out",
    stderr: "job.err",
    environment,
    cores: place?.cores ?? null,
    gpus: place?.gpus ?? [],
    threadsPerRank: offer.threadsPerRank,
    limitSec: shorter(offer.limitSec, app.limitSec),
    graceSec: context.graceSec,
    inputs: offer.inputs.map(({ fromWorkdir, files, mode }) => ({
      fromDirectory: inside(data, fromWorkdir, `inputs of job ${job}`),
      patterns: files,
      mode,
    })),
    outputs: app.outputs,
    // Last: nothing can go wrong any more, so every grant is taken back when its task ends.
    ...steering(context, offer),
  };
}

function steering({ grant, site }: DispatchContext, { job, attempt }: Offer): Pick<TaskSpec, "steering" | "jobFile"> {
  return grant === null
    ? { steering: null, jobFile: null }
    : { steering: grant(job, attempt), jobFile: { job, attempt, site: site.name } };
}

/** Asked once: it reads the environment each time. */
const temporary = tmpdir();

/** What the node agent sets by itself for each task; by the last two its processes are found on every node. */
const everyRanks = ["OMP_NUM_THREADS", "CONIFER_TASK", "CONIFER_NODE_AGENT"];
const jobFile = "CONIFER_JOB_FILE";

function shorter(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b);
}

function inside(directory: string, path: string, where: string): string {
  if (path === "" || isAbsolute(path) || normalize(path).split("/").includes(".."))
    throw new ConiferError("UNSAFE_PATH", { where, path });
  return join(directory, path);
}
