/** The two families of `mpiexec`: Open MPI's, and Hydra's (MPICH, Intel MPI, MVAPICH). */
export type MpiFamily = "openmpi" | "mpich";

export interface MpiLauncher {
  readonly family: MpiFamily;
  /** As it is called. */
  readonly program: string;
  readonly version: string;
}

/** Ranks to start, from the first of the nodes they run on. */
export interface RankLaunch {
  readonly ranksPerNode: number;
  /** One node or more; a single one is where the launcher is called. */
  readonly hosts: readonly string[];
  /** Names of variables that ranks on other nodes need; values stay in the environment. */
  readonly environment: readonly string[];
  /** Further arguments of the launcher, as the user gave them. */
  readonly options: readonly string[];
  /** What each rank runs. */
  readonly command: readonly string[];
  /** Open MPI refuses root unless it is told. */
  readonly asRoot: boolean;
}

/**
 * The argument list that starts the ranks. Binding is left to the core list the task was given: several launchers
 * share a node, and each of them, binding by itself, would choose the same first cores.
 */
export function mpiArguments(launcher: MpiLauncher, launch: RankLaunch): string[] {
  const arguments_ = launcher.family === "openmpi" ? openMpi(launch) : hydra(launch);
  return [launcher.program, ...arguments_, ...launch.options, ...launch.command];
}

function openMpi({ ranksPerNode, hosts, environment, asRoot }: RankLaunch): string[] {
  const isSpread = hosts.length > 1;
  return [
    ...(asRoot ? ["--allow-run-as-root"] : []),
    "-n",
    String(ranksPerNode * hosts.length),
    // With the number of slots told, it counts no cores: those it would see are the whole node's or one task's.
    "--host",
    hosts.map((host) => `${isSpread ? host : "localhost"}:${ranksPerNode}`).join(","),
    ...(isSpread ? ["--map-by", `ppr:${ranksPerNode}:node`] : []),
    "--bind-to",
    "none",
    ...(isSpread ? environment.flatMap((name) => ["-x", name]) : []),
  ];
}

function hydra({ ranksPerNode, hosts }: RankLaunch): string[] {
  const isSpread = hosts.length > 1;
  return [
    // On one node nothing but a fork is needed, whatever batch system Hydra finds around it.
    ...(isSpread ? [] : ["-launcher", "fork"]),
    "-n",
    String(ranksPerNode * hosts.length),
    "-ppn",
    String(ranksPerNode),
    "-hosts",
    isSpread ? hosts.join(",") : "localhost",
    "-bind-to",
    "none",
  ];
}
