import type { AppDefinition } from "../../../app/definition.ts";
import { parameterValues } from "../../../app/parameters.ts";
import { quote } from "../../../app/quote.ts";
import { type JobFacts, type ParameterValue, renderTemplate } from "../../../app/template.ts";
import { ConiferError } from "../../../model/errors.ts";
import { coresPerNode, type Resources } from "../../../model/resources.ts";
import type { FoundMpi } from "../../../platform/launchers/find-mpi.ts";
import { mpiArguments, startsByDaemon } from "../../../platform/launchers/mpi-arguments.ts";
import { type RankBinding, rankCommand } from "../../../platform/launchers/rank-script.ts";
import type { TaskPlace } from "../task.ts";
import { containerArguments } from "./container.ts";

/** What the site says of all ranks. */
export interface RankChoices {
  readonly binding: RankBinding;
  readonly gpuBinding: RankBinding;
  /** Further arguments of the MPI launcher, in front of a job's. */
  readonly options: readonly string[];
}

/** What a command is made of. */
export interface CommandSource {
  readonly app: Pick<AppDefinition, "name" | "command" | "preamble" | "parameters" | "container">;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly job: JobFacts;
  readonly resources: Resources;
  readonly places: readonly TaskPlace[];
  /** Names of variables that must reach every rank. */
  readonly environment: readonly string[];
  /** Those that only ranks on other nodes need to be given. */
  readonly forwarded: readonly string[];
  readonly ranks: RankChoices;
  /** Further arguments of the MPI launcher. */
  readonly launchOptions: readonly string[];
  /** Seen by a container under the same paths. */
  readonly directories: readonly string[];
  readonly mpi: FoundMpi;
  readonly asRoot: boolean;
}

/** Shell text for the node: the app's template filled, around it the container, around that the MPI launcher. Throws with what is wrong with the job. */
export function makeCommand(source: CommandSource): { command: string; preamble: string | null } {
  const { app, job, places } = source;
  const values = parameterValues(app, source.parameters);
  const preamble = app.preamble.trim() === "" ? null : renderTemplate(app.preamble, values, job);
  const command = renderTemplate(app.command, values, job);
  const isParallel = places.length * source.resources.ranksPerNode > 1;
  if (!isParallel && !app.container) return { command, preamble };
  const rank = app.container
    ? containerArguments(
        app.container,
        {
          workdir: job.workdir,
          directories: source.directories,
          gpus: places[0]?.gpus ?? [],
          environment: [...source.environment, ...gpuMasks, ...(isParallel ? rankVariables : [])],
        },
        command,
      )
    : ["sh", "-c", command];
  return { command: (isParallel ? parallel(source, rank) : rank).map(quote).join(" "), preamble };
}

const gpuMasks = ["CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"];

/** How launchers tell a rank who it is. */
const rankVariables = ["OMPI_*", "PMIX_*", "PRTE_*", "PMI_*", "MPI_*", "HYDRA_*", "HYDI_*"];

function parallel(source: CommandSource, command: readonly string[]): string[] {
  const { app, mpi, places, resources, ranks } = source;
  const { ranksPerNode } = resources;
  if ("missing" in mpi) {
    throw new ConiferError("NO_MPI", { app: app.name, ranks: places.length * ranksPerNode, problem: mpi.missing });
  }
  // On one node, what starts the ranks hands on what it is pinned to.
  const mustPin = places.length > 1 || startsByDaemon(mpi.launcher);
  const isParted = ranks.binding === "rank" || ranks.gpuBinding === "rank";
  const own = { places, ranksPerNode, cores: ranks.binding, gpus: ranks.gpuBinding };
  return mpiArguments(mpi.launcher, {
    ...resources,
    coresPerNode: coresPerNode(resources),
    hosts: places.map(({ hostname }) => hostname),
    environment: [...source.environment, ...source.forwarded],
    options: [...ranks.options, ...source.launchOptions],
    command: mustPin || isParted ? rankCommand(command, own) : command,
    asRoot: source.asRoot,
  });
}
