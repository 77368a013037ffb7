/** Pilots over several nodes of the Slurm lab, with a real server on the host that the nodes see as a login node. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { PilotConfigInput } from "../../src/pilot/config.ts";
import { Lab } from "../pilot/lab.ts";
import { runCommand, slurmNode } from "./lab/labs.ts";

const dist = process.env.CONIFER_TEST_DIST ?? fileURLToPath(new URL("../../dist", import.meta.url));
const ranksSource = fileURLToPath(new URL("ranks.c", import.meta.url));

/** Starts the server where jobs reach it. */
export function openClusterLab(): Promise<Lab> {
  return Lab.open("--listen", `${process.env.HPCLAB_SLURM_HOST_ADDRESS}:0`);
}

/** One pilot in one Slurm job. */
export interface SlurmPilot extends AsyncDisposable {
  readonly id: string;
  readonly directory: string;
  /** Waits until so many nodes have an agent. */
  untilNodes(count: number): Promise<void>;
  log(): { msg: string; [about: string]: unknown }[];
}

export function submitPilot(
  lab: Lab,
  use: { nodes: number; wallTimeMin?: number; config?: Partial<PilotConfigInput>; slurm?: readonly string[] },
): SlurmPilot {
  const { nodes, config = {}, wallTimeMin = 10 } = use;
  mkdirSync(join(lab.site, "run"), { recursive: true });
  const directory = mkdtempSync(join(lab.site, "run", "pilot-"));
  const whole: PilotConfigInput = {
    access: lab.access,
    site: { id: lab.siteId, name: "here", directory: lab.site },
    directory,
    idleSec: null,
    graceSec: 1,
    wallTimeMin,
    node: { cores: 8, gpus: 2, memoryBytes: 0 },
    ...config,
    nodes: { hosts: "auto", silenceSec: 3, network: `${process.env.HPCLAB_SLURM_HOST_ADDRESS}/24`, ...config.nodes },
  };
  writeFileSync(join(directory, "pilot.json"), JSON.stringify(whole), { mode: 0o600 });
  const script = [
    "#!/bin/bash",
    "export OF_THE_BATCH_SCRIPT=loaded OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
    `(umask 077; env -0 > ${directory}/environment)`,
    `exec ${process.execPath} ${join(dist, "pilot.js")} --config ${directory}/pilot.json`,
  ];
  writeFileSync(join(directory, "job.sh"), `${script.join("\n")}\n`, { mode: 0o755 });
  const id = runCommand(
    "sbatch",
    ...[
      "--parsable",
      "--exclusive",
      "--no-kill",
      "--no-requeue",
      `--nodes=${nodes}`,
      `--time=${Math.ceil(wallTimeMin) + 2}`,
    ],
    ...[`--output=${directory}/pilot.out`, "--signal=B:TERM@10", ...(use.slurm ?? []), join(directory, "job.sh")],
  );
  const log = (): { msg: string }[] => {
    try {
      return execFileSync("cat", [join(directory, "pilot.log")], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      })
        .split("\n")
        .flatMap((line) => (line === "" ? [] : JSON.parse(line)));
    } catch {
      return [];
    }
  };
  return {
    id,
    directory,
    log,
    async untilNodes(count) {
      const deadline = Date.now() + 60_000;
      while (log().filter(({ msg }) => msg === "node agent started").length < count) {
        if (Date.now() > deadline) throw new Error(`no ${count} nodes within a minute:\n${describe(directory)}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async [Symbol.asyncDispose]() {
      runCommand("scancel", id);
      const deadline = Date.now() + 60_000;
      while (runCommand("squeue", "-h", "-t", "R,CG,PD", "-o", "%i").split("\n").includes(id)) {
        if (Date.now() > deadline) throw new Error(`job ${id} does not end`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
  };
}

/** What a pilot and its agents have said. */
export function describe(directory: string): string {
  return execFileSync("sh", ["-c", `cd ${directory} && tail -n 40 pilot.out pilot.log node.log 2>&1`], {
    encoding: "utf8",
  });
}

/** Makes the MPI program that tells where its ranks are; answers its path. */
export function compileRanks(directory: string, family: "openmpi" | "mpich" = "openmpi"): string {
  const program = join(directory, `ranks-${family}`);
  runCommand(`mpicc.${family}`, "-O1", "-o", program, ranksSource);
  return program;
}

/** Boots a node again, or plugs it in, and waits until Slurm would use it. */
export async function mendNode(how: "boot" | "plug", node: string): Promise<void> {
  slurmNode(how, node);
  const deadline = Date.now() + 60_000;
  while (!/^(idle|mixed|allocated)$/.test(runCommand("sinfo", "-h", "-n", node, "-p", "batch", "-o", "%T"))) {
    if (Date.now() > deadline) throw new Error(`${node} does not come back`);
    // Refused while the node is on its way back by itself.
    spawnSync("scontrol", ["update", `nodename=${node}`, "state=resume"]);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Processes on a node whose command line holds a text. */
export function processesOn(node: string, text: string): string[] {
  const list = execFileSync(
    fileURLToPath(new URL("lab/slurm-node.sh", import.meta.url)),
    ["exec", node, "ps", "-eo", "pid,args"],
    { encoding: "utf8" },
  );
  return list.split("\n").filter((line) => line.includes(text));
}
