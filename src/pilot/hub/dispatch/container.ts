import type { AppDefinition } from "../../../app/definition.ts";
import type { GpuId } from "../../link/messages.ts";

type Container = NonNullable<AppDefinition["container"]>;

/** Where a command in a container works, and what it must find there. */
export interface ContainerUse {
  /** Absolute; inside one of `directories`. */
  readonly workdir: string;
  /** Seen inside under the same path: inputs are links into other workdirs, job files and sockets lie elsewhere. */
  readonly directories: readonly string[];
  readonly gpus: readonly GpuId[];
  /** Names of variables to hand in; their values stay in the environment. A trailing `*` stands for any ending. */
  readonly environment: readonly string[];
}

/** The argument list that runs a shell command inside an app's container. */
export function containerArguments(container: Container, use: ContainerUse, command: string): string[] {
  const engine = container.engine === "apptainer" ? apptainer(use) : podman(use);
  return [...engine, ...container.options, container.image, "sh", "-c", command];
}

/** Apptainer hands in the whole environment by itself. */
function apptainer({ workdir, directories, gpus }: ContainerUse): string[] {
  const kinds = new Set(gpus.map(({ kind }) => kind));
  return [
    "apptainer",
    "exec",
    ...(kinds.has("cuda") ? ["--nv"] : []),
    ...(kinds.has("rocr") ? ["--rocm"] : []),
    "--bind",
    directories.join(","),
    "--pwd",
    workdir,
  ];
}

function podman({ workdir, directories, gpus, environment }: ContainerUse): string[] {
  return [
    "podman",
    "run",
    "--rm",
    // The rest of the world as the task would see it without a container: a steering job talks to its pilot.
    "--network=host",
    "--ipc=host",
    "--security-opt=label=disable",
    ...(gpus.some(({ kind }) => kind === "cuda") ? ["--device=nvidia.com/gpu=all"] : []),
    ...(gpus.some(({ kind }) => kind === "rocr") ? ["--device=/dev/kfd", "--device=/dev/dri"] : []),
    ...directories.map((directory) => `--volume=${directory}:${directory}`),
    `--workdir=${workdir}`,
    ...environment.map((name) => `--env=${name}`),
  ];
}
