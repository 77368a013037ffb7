import { tmpdir } from "node:os";
import { isAbsolute, join, normalize } from "node:path";
import type { AppDefinition } from "../../../app/definition.ts";
import type { Offer } from "../../../client/wire/sessions.ts";
import { ConiferError } from "../../../model/errors.ts";
import type { FoundMpi } from "../../../platform/launchers/find-mpi.ts";
import type { TaskSpec } from "../../link/messages.ts";
import { type HubTask, type TaskPlace, taskName } from "../task.ts";
import { makeCommand } from "./command.ts";

/** What all tasks of a pilot share. */
export interface DispatchContext {
  readonly site: { readonly name: string; readonly directory: string };
  readonly graceSec: number;
  /** Known by the time a task with several ranks is placed. */
  readonly mpi: () => FoundMpi;
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
    makeSpec: (places) => makeSpec({ offer, app, context, places }),
  };
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
    ranksPerNode: offer.ranksPerNode,
    places,
    environment: [...Object.keys(environment), ...nodeVariables],
    launchOptions: offer.launchOptions,
    directories: [context.site.directory, temporary],
    mpi: offer.nodes * offer.ranksPerNode > 1 ? context.mpi() : { missing: "it was not looked for" },
    asRoot: context.asRoot,
  });
  const [place] = places;
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

/** What the node agent sets by itself. */
const nodeVariables = [
  "OMP_NUM_THREADS",
  "CUDA_VISIBLE_DEVICES",
  "CUDA_DEVICE_ORDER",
  "ROCR_VISIBLE_DEVICES",
  "ZE_AFFINITY_MASK",
  "CONIFER_TASK",
  "CONIFER_JOB_FILE",
];

function shorter(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b);
}

function inside(directory: string, path: string, where: string): string {
  if (path === "" || isAbsolute(path) || normalize(path).split("/").includes(".."))
    throw new ConiferError("UNSAFE_PATH", { where, path });
  return join(directory, path);
}
