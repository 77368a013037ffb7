import type { AppDefinition } from "../../../app/definition.ts";
import { parameterValues } from "../../../app/parameters.ts";
import { quote } from "../../../app/quote.ts";
import { type JobFacts, type ParameterValue, renderTemplate } from "../../../app/template.ts";
import { ConiferError } from "../../../model/errors.ts";
import type { FoundMpi } from "../../../platform/launchers/find-mpi.ts";
import { mpiArguments } from "../../../platform/launchers/mpi-arguments.ts";
import type { TaskPlace } from "../task.ts";
import { containerArguments } from "./container.ts";

/** What a command is made of. */
export interface CommandSource {
  readonly app: Pick<AppDefinition, "name" | "command" | "preamble" | "parameters" | "container">;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly job: JobFacts;
  readonly ranksPerNode: number;
  readonly places: readonly TaskPlace[];
  /** Names of variables that must reach every rank. */
  readonly environment: readonly string[];
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
  const isParallel = places.length * source.ranksPerNode > 1;
  if (!isParallel && !app.container) return { command, preamble };
  const rank = app.container
    ? containerArguments(
        app.container,
        {
          workdir: job.workdir,
          directories: source.directories,
          gpus: places[0]?.gpus ?? [],
          environment: [...source.environment, ...(isParallel ? rankVariables : [])],
        },
        command,
      )
    : ["sh", "-c", command];
  return { command: (isParallel ? parallel(source, rank) : rank).map(quote).join(" "), preamble };
}

/** How launchers tell a rank who it is. */
const rankVariables = ["OMPI_*", "PMIX_*", "PRTE_*", "PMI_*", "MPI_*", "HYDRA_*", "HYDI_*"];

function parallel(source: CommandSource, command: readonly string[]): string[] {
  const { app, mpi, places, ranksPerNode } = source;
  if ("missing" in mpi) {
    throw new ConiferError("NO_MPI", { app: app.name, ranks: places.length * ranksPerNode, problem: mpi.missing });
  }
  return mpiArguments(mpi.launcher, {
    ranksPerNode,
    hosts: places.map(({ hostname }) => hostname),
    environment: source.environment,
    options: source.launchOptions,
    command,
    asRoot: source.asRoot,
  });
}
