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
  const [version, kinds] = await Promise.all([ask(program, "--version"), ask(program, "--mpi=list")]);
  if (version.text === null) return { missing: `${program} could not be run: ${version.problem}` };
  const pmi = kinds.text === null ? null : chooseSrunMpi(kinds.text);
  return { launcher: { family: "srun", program, version: /[\d.]+/.exec(version.text)?.[0] ?? "unknown", pmi } };
}

/** The kind to use of those that `srun --mpi=list` prints; null where it lists none that ranks can speak. */
export function chooseSrunMpi(text: string): string | null {
  const kinds = text.split(/[\s,:]+/);
  return ["cray_shasta", "pmix", "pmi2"].find((kind) => kinds.some((name) => name === kind)) ?? null;
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

async function ask(program: string, option: string): Promise<{ text: string } | { text: null; problem: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [option], { timeout: 30_000 });
    return { text: `${stdout}\n${stderr}` };
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    return { text: null, problem: isMissing ? "it is not on PATH" : messageOf(error) };
  }
}
