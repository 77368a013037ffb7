import { ConiferError } from "../../model/errors.ts";

/**
 * How ranks are started: the two families of `mpiexec`, Open MPI's and Hydra's (MPICH, Intel MPI, MVAPICH), that of
 * Cray's PALS, the schedulers' own launchers, or a command of the site's.
 */
export const mpiFamilies = ["openmpi", "mpich", "pals", "srun", "aprun", "jsrun", "custom"] as const;
export type MpiFamily = (typeof mpiFamilies)[number];

export interface MpiLauncher {
  readonly family: MpiFamily;
  /** As it is called. */
  readonly program: string;
  readonly version: string;
  /** The interface by which `srun` and ranks speak (`pmix`, `pmi2`, `cray_shasta`); null = the site's default. */
  readonly pmi?: string | null;
  /** Of a custom launcher: its words, with `{{ranks}}` and the like in them. */
  readonly template?: readonly string[];
  /** Where it works; default as `startsOn` says of its family. */
  readonly startsOn?: "first-node" | "batch-host";
}

/** Ranks to start. */
export interface RankLaunch {
  readonly ranksPerNode: number;
  readonly threadsPerRank: number;
  /** Hardware threads used of each core. */
  readonly threadsPerCore: number;
  /** Cores of each node for all its ranks. */
  readonly coresPerNode: number;
  readonly gpusPerRank: number;
  /** One node or more; a single one is where the launcher is called, unless it is called on the batch host. */
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

/** Where a launcher must be called: some work only on the host of the batch script. */
export function startsOn({ family, startsOn }: MpiLauncher): "first-node" | "batch-host" {
  return startsOn ?? (family === "aprun" || family === "jsrun" ? "batch-host" : "first-node");
}

/** Whether ranks on a single node need more than being started by a process that is pinned: a daemon starts them. */
export function startsByDaemon({ family }: MpiLauncher): boolean {
  return family !== "openmpi" && family !== "mpich";
}

/**
 * The argument list that starts the ranks. Binding is left to the core list the task was given: several launchers
 * share a node, and each of them, binding by itself, would choose the same first cores. Throws BAD_INPUT for a custom launcher
 * with a placeholder that there is not.
 */
export function mpiArguments(launcher: MpiLauncher, launch: RankLaunch): string[] {
  const { program } = launcher;
  const { options, command } = launch;
  switch (launcher.family) {
    case "openmpi":
      return [program, ...openMpi(launch), ...options, ...command];
    case "mpich":
      return [program, ...hydra(launch), ...options, ...command];
    case "pals":
      return [program, ...pals(launch), ...options, ...command];
    case "srun":
      return [program, ...srun(launch, launcher.pmi ?? null), ...options, ...command];
    case "aprun":
      return [program, ...aprun(launch), ...options, ...command];
    case "jsrun":
      return [program, ...jsrun(launch), ...options, ...command];
    case "custom":
      return [...custom(launcher.template ?? [program], launch), ...options, ...command];
  }
}

/**
 * Who fits where is decided already, by cores. The slots that a batch system tells Open MPI are those of the batch script (one
 * a node, perhaps), and more than them it refuses unless it may oversubscribe; the slots named here stay the ones that count.
 * Told not to ask the batch system at all (`--mca ras ^slurm`), Open MPI 4 starts ranks on the first nodes of the allocation
 * whatever hosts are named.
 */
function openMpi({ ranksPerNode, hosts, environment, asRoot }: RankLaunch): string[] {
  const isSpread = hosts.length > 1;
  return [
    ...(asRoot ? ["--allow-run-as-root"] : []),
    "-n",
    String(ranksPerNode * hosts.length),
    // With the number of slots told, it counts no cores: those it would see are the whole node's or one task's.
    "--host",
    hosts.map((host) => `${isSpread ? host : "localhost"}:${ranksPerNode}`).join(","),
    "--map-by",
    `ppr:${ranksPerNode}:node:oversubscribe`,
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

/** It binds by itself unless it is told not to, and hands on nothing unless it is told to. */
function pals({ ranksPerNode, hosts }: RankLaunch): string[] {
  return [
    ...["-n", String(ranksPerNode * hosts.length), "--ppn", String(ranksPerNode), "--hosts", hosts.join(",")],
    ...["--cpu-bind", "none", "--envall"],
  ];
}

/** A step of its own that may use every core of its nodes: which ones, the task's core lists say, and other steps run beside it. */
function srun({ ranksPerNode, hosts }: RankLaunch, pmi: string | null): string[] {
  return [
    "--overlap",
    `--nodes=${hosts.length}`,
    `--ntasks=${ranksPerNode * hosts.length}`,
    `--ntasks-per-node=${ranksPerNode}`,
    `--nodelist=${hosts.join(",")}`,
    "--distribution=block",
    "--mem=0",
    "--cpu-bind=none",
    ...(pmi === null ? [] : [`--mpi=${pmi}`]),
    "--kill-on-bad-exit=1",
    "--input=none",
    "--export=ALL",
  ];
}

/** ALPS knows nodes by their numbers, and hands on the whole environment. */
function aprun({ ranksPerNode, hosts, threadsPerRank, threadsPerCore }: RankLaunch): string[] {
  return [
    ...["-n", String(ranksPerNode * hosts.length), "-N", String(ranksPerNode)],
    ...["-L", hosts.map((host) => /^nid0*(\d+)$/.exec(host)?.[1] ?? host).join(",")],
    ...["-d", String(threadsPerRank), "-j", String(threadsPerCore), "-cc", "none", "-q"],
  ];
}

/** One resource set a host; which hosts, it finds by itself among those that are free. */
function jsrun({ ranksPerNode, hosts, coresPerNode, gpusPerRank }: RankLaunch): string[] {
  return [
    ...["--nrs", String(hosts.length), "--rs_per_host", "1", "--tasks_per_rs", String(ranksPerNode)],
    ...["--cpu_per_rs", String(coresPerNode), "--gpu_per_rs", String(Math.ceil(ranksPerNode * gpusPerRank))],
    ...["--bind", "none", "--launch_distribution", "packed"],
  ];
}

function custom(template: readonly string[], launch: RankLaunch): string[] {
  const { ranksPerNode, hosts } = launch;
  const values: Readonly<Record<string, string>> = {
    ranks: String(ranksPerNode * hosts.length),
    ranks_per_node: String(ranksPerNode),
    nodes: String(hosts.length),
    hosts: hosts.join(","),
    threads_per_rank: String(launch.threadsPerRank),
    threads_per_core: String(launch.threadsPerCore),
    cores_per_node: String(launch.coresPerNode),
    gpus_per_rank: String(launch.gpusPerRank),
    environment: launch.environment.join(","),
  };
  return template.map((word) =>
    word.replace(/\{\{\s*([^{}]*?)\s*\}\}/g, (_, name: string) => {
      const value = values[name];
      if (value !== undefined) return value;
      const problem = `there is no {{${name}}}; there are ${Object.keys(values).join(", ")}`;
      throw new ConiferError("BAD_INPUT", { where: "the site's MPI launcher", problem });
    }),
  );
}
