/**
 * How one process is started on each node of an allocation: the ways that schedulers and MPIs have for it, as argument lists. What
 * is started must claim nothing of the allocation, and one that ends must not end the others: the tasks' own steps and ranks need
 * the room, and a node that dies is one node less.
 */
import { quote } from "../../app/quote.ts";
import type { MpiFamily } from "../launchers/mpi-arguments.ts";
import { slurmSharing } from "./environment.ts";
import type { HostSource } from "./hosts.ts";

/** `local` starts them all on this machine: for trying out, and for tests. */
export const agentLaunchers = [
  "local",
  "srun",
  "mpiexec",
  "ssh",
  "pbsdsh",
  "aprun",
  "jsrun",
  "parallel",
  "flux",
  "blaunch",
  "qrsh",
] as const;
export type AgentLauncher = (typeof agentLaunchers)[number];

export interface AgentLaunch {
  /** By the scheduler's names. */
  readonly hosts: readonly string[];
  /** Positions of these hosts in the allocation, for launchers that count instead of naming. */
  readonly positions: readonly number[];
  /** What each runs, with absolute paths; told the host where one command starts one agent. */
  readonly command: (host: string | null) => readonly string[];
  /** Further arguments of the launcher. */
  readonly options: readonly string[];
  readonly mpi: MpiFamily;
  readonly asRoot: boolean;
}

/** A command to run here, and the hosts it starts agents on. */
export interface AgentCommand {
  readonly argv: readonly [string, ...string[]];
  readonly hosts: readonly string[];
}

/** The launcher that goes with a scheduler. */
export function launcherFor(
  source: HostSource,
  environment: Readonly<Record<string, string | undefined>>,
): AgentLauncher {
  switch (source) {
    case "slurm":
      return "srun";
    case "flux":
      return "flux";
    case "pbs":
      return "pbsdsh";
    case "lsf":
      return "blaunch";
    case "cobalt":
      return environment.COBALT_NODEFILE ? "ssh" : "aprun";
    case "sge":
      return "qrsh";
    case "settings":
      return "ssh";
    case "none":
      return "local";
  }
}

/** The commands that start an agent on each host; each runs as long as its agents do. */
export function agentCommands(launcher: AgentLauncher, launch: AgentLaunch): AgentCommand[] {
  const { hosts, options, positions } = launch;
  const any = launch.command(null);
  const once = (program: string, ...arguments_: string[]): AgentCommand[] => [
    { argv: [program, ...arguments_, ...options, ...any], hosts },
  ];
  type Make = (host: string, command: readonly string[], index: number) => readonly string[];
  const each = (program: string, make: Make): AgentCommand[] =>
    hosts.map((host, index) => ({ argv: [program, ...make(host, launch.command(host), index)], hosts: [host] }));
  const shellText = (command: readonly string[]): string => command.map(quote).join(" ");
  const count = String(hosts.length);
  switch (launcher) {
    case "local":
      return each("/usr/bin/env", (_, command) => command);
    case "srun":
      return once("srun", ...srun(hosts));
    case "mpiexec":
      return once("mpiexec", ...(launch.mpi === "openmpi" ? openMpi(launch) : hydra(hosts)));
    case "ssh":
      return each("ssh", (host, command) => [...sshOptions, ...options, host, `exec ${shellText(command)}`]);
    case "parallel":
      return [
        { argv: ["parallel", "--nonall", "-j0", "--sshlogin", hosts.join(","), ...options, shellText(any)], hosts },
      ];
    case "pbsdsh":
      return each("pbsdsh", (_, command, index) => [
        "-n",
        String(positions[index] ?? index),
        ...options,
        "--",
        ...command,
      ]);
    case "blaunch":
      return once("blaunch", "-z", hosts.join(" "));
    case "qrsh":
      return each("qrsh", (host, command) => ["-inherit", "-nostdin", ...options, host, ...command]);
    case "aprun":
      return once("aprun", "-n", count, "-N", "1", "-L", hosts.map(nodeNumber).join(","), "-cc", "none", "-q");
    case "jsrun":
      return once(
        "jsrun",
        "--nrs",
        count,
        "--tasks_per_rs",
        "1",
        "--rs_per_host",
        "1",
        "--cpu_per_rs",
        "ALL_CPUS",
        ...jsrun,
      );
    case "flux":
      return once("flux", "exec", "-r", positions.join(","));
  }
}

/** A step that overlaps with all others, is left alone by those that end, and has no wishes about MPI, binding or input. */
function srun(hosts: readonly string[]): string[] {
  return [
    "--overlap",
    `--nodes=${hosts.length}`,
    `--ntasks=${hosts.length}`,
    "--ntasks-per-node=1",
    `--nodelist=${hosts.join(",")}`,
    "--mem=0",
    "--mpi=none",
    "--cpu-bind=none",
    "--kill-on-bad-exit=0",
    "--no-kill",
    "--wait=0",
    "--input=none",
    "--export=ALL",
  ];
}

function openMpi({ hosts, asRoot }: AgentLaunch): string[] {
  return [
    ...(asRoot ? ["--allow-run-as-root"] : []),
    ...["-n", String(hosts.length), "--host", hosts.map((host) => `${host}:1`).join(",")],
    ...[
      "--map-by",
      "ppr:1:node",
      "--bind-to",
      "none",
      "--enable-recovery",
      "--mca",
      "orte_abort_on_non_zero_status",
      "0",
    ],
  ];
}

function hydra(hosts: readonly string[]): string[] {
  const names = hosts.join(",");
  return ["-n", String(hosts.length), "-ppn", "1", "-hosts", names, "-bind-to", "none", "-disable-auto-cleanup"];
}

/** Asks nothing, waits for no dead host, and notices one that dies. */
const sshOptions = [
  ...["-n", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15"],
  ...["-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3"],
];

const jsrun = ["--gpu_per_rs", "ALL_GPUS", "--bind", "none"];

/** `nid00012` is node 12 to aprun. */
const nodeNumber = (host: string): string => /^nid0*(\d+)$/.exec(host)?.[1] ?? host;

/** What a launcher of agents is started with: without what would shape their step, and beside all others also where it calls `srun` itself. */
export function launcherEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const kept = Object.fromEntries(Object.entries(environment).filter(([name]) => !shapesStep.test(name)));
  if (environment.SLURM_JOB_ID === undefined) return kept;
  return { ...kept, ...slurmSharing(environment) };
}

const shapesStep =
  /^SLURM_(MEM_PER_|CPUS_PER_|NTASKS|NPROCS|TRES_PER|DISTRIBUTION|HINT|EXPORT_ENV|GPUS?_PER|CPU_BIND|MPI_TYPE|EXACT|EXCLUSIVE)/;
