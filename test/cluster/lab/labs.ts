import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Brings the Slurm lab up, or finds it up, and takes its variables into this process. */
export function slurmUp(...options: string[]): void {
  execFileSync(script("slurm-up.sh"), options, { stdio: ["ignore", "ignore", "inherit"] });
  const file = `${process.env.LAB_SLURM_ROOT ?? "/var/lib/hpclab/slurm"}/env.sh`;
  for (const [, name = "", value = ""] of readFileSync(file, "utf8").matchAll(/(\w+)=(\S*)/g))
    process.env[name] = value;
}

/** Crashes, boots, cuts or mends a node, or stops and starts the controller. */
export function slurmNode(...words: string[]): void {
  execFileSync(script("slurm-node.sh"), words, { stdio: ["ignore", "ignore", "inherit"] });
}

/** Runs a command; what it printed. Throws where it fails. */
export function runCommand(program: string, ...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${words.join(" ")}: ${stderr}`);
  return stdout.trim();
}

/** Brings the Grid Engine lab up, or finds it up; the directory of its commands. */
export function sgeUp(...options: string[]): string {
  execFileSync(script("sge-up.sh"), options, { stdio: ["ignore", "ignore", "inherit"] });
  return `${process.env.LAB_SGE_ROOT ?? "/var/lib/hpclab/sge"}/bin`;
}

/** Crashes or boots a node of the Grid Engine lab. */
export function sgeNode(...words: string[]): void {
  execFileSync(script("sge-node.sh"), words, { stdio: ["ignore", "ignore", "inherit"] });
}

/** Ends the Grid Engine lab, by the pids it recorded. */
export function sgeDown(): void {
  execFileSync(script("sge-down.sh"), [], { stdio: ["ignore", "ignore", "inherit"] });
}

/** Ends the Slurm lab, by the pids it recorded. */
export function slurmDown(): void {
  execFileSync(script("slurm-down.sh"), [], { stdio: ["ignore", "ignore", "inherit"] });
}
