import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf } from "../../model/errors.ts";
import type { MpiFamily, MpiLauncher } from "./mpi-arguments.ts";

/** Which launcher to use: the one found, one of a family, or none. */
export type MpiChoice = "auto" | MpiFamily | "none";

/** A launcher, or why there is none. */
export type FoundMpi = { readonly launcher: MpiLauncher } | { readonly missing: string };

/** Asks `mpiexec` on PATH what it is; `srun` is asked what it can speak. Others are taken as they are. */
export async function findMpi(choice: MpiChoice, program?: string): Promise<FoundMpi> {
  switch (choice) {
    case "none":
      return { missing: "MPI is switched off in the site's settings" };
    case "srun":
      return findSrun(program ?? "srun");
    case "pals":
      return { launcher: { family: choice, program: program ?? "mpiexec", version: "unknown" } };
    case "aprun":
    case "jsrun":
    case "custom":
      return { launcher: { family: choice, program: program ?? choice, version: "unknown" } };
    default:
      return findMpiexec(choice, program ?? "mpiexec");
  }
}

async function findMpiexec(choice: "auto" | "openmpi" | "mpich", program: string): Promise<FoundMpi> {
  const asked = await ask(program, "--version");
  if (asked.text === null) return { missing: `${program} could not be run: ${asked.problem}` };
  const read = readMpiVersion(asked.text);
  if (choice !== "auto") return { launcher: { family: choice, program, version: read?.version ?? "unknown" } };
  return read
    ? { launcher: { ...read, program } }
    : { missing: `${program} is neither Open MPI's nor Hydra's: ${asked.text.slice(0, 80).trim()}` };
}

/** Without a kind that ranks can speak, each would take itself for the only one. */
async function findSrun(program: string): Promise<FoundMpi> {
  const [version, kinds, config] = await Promise.all([
    ask(program, "--version"),
    ask(program, "--mpi=list"),
    ask("scontrol", "show", "config"),
  ]);
  if (version.text === null) return { missing: `${program} could not be run: ${version.problem}` };
  const pmi = chooseSrunMpi(kinds.text ?? "", config.text ?? "");
  return { launcher: { family: "srun", program, version: /[\d.]+/.exec(version.text)?.[0] ?? "unknown", pmi } };
}

/**
 * The kind to use of those that `srun --mpi=list` prints; null where the site's own default (in what `scontrol show config`
 * prints) is one that ranks can speak, or where there is none.
 */
export function chooseSrunMpi(list: string, config: string): string | null {
  const byDefault = /^MpiDefault\s*=\s*(\S+)/m.exec(config)?.[1];
  if (byDefault !== undefined && byDefault !== "none") return null;
  const kinds = list.split(/[\s,:]+/);
  return ["pmix", "pmi2"].find((kind) => kinds.includes(kind)) ?? null;
}

/** Reads what `mpiexec --version` prints; null where it is of neither family. */
export function readMpiVersion(text: string): Pick<MpiLauncher, "family" | "version"> | null {
  const openMpi = /\((?:OpenRTE|Open MPI)\)\s+(\S+)/.exec(text);
  if (openMpi) return { family: "openmpi", version: openMpi[1] ?? "unknown" };
  if (/HYDRA build details|Intel\(R\) MPI Library/i.test(text))
    return { family: "mpich", version: /Version:?\s+([\w.]+)/i.exec(text)?.[1] ?? "unknown" };
  const pals = /\bPALS\b/i.test(text);
  return pals ? { family: "pals", version: /\d+(?:\.\d+)+/.exec(text)?.[0] ?? "unknown" } : null;
}

async function ask(program: string, ...options: string[]): Promise<{ text: string } | { text: null; problem: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, options, { timeout: 30_000 });
    return { text: `${stdout}\n${stderr}` };
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    return { text: null, problem: isMissing ? "it is not on PATH" : messageOf(error) };
  }
}
