import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { messageOf } from "../../model/errors.ts";
import type { MpiFamily, MpiLauncher } from "./mpi-arguments.ts";

/** Which launcher to use: the one found, one of a family, or none. */
export type MpiChoice = "auto" | MpiFamily | "none";

/** A launcher, or why there is none. */
export type FoundMpi = { readonly launcher: MpiLauncher } | { readonly missing: string };

/** Asks `mpiexec` on PATH what it is. */
export async function findMpi(choice: MpiChoice, program = "mpiexec"): Promise<FoundMpi> {
  if (choice === "none") return { missing: "MPI is switched off in the site's settings" };
  const asked = await askVersion(program);
  if (asked.text === null) return { missing: `${program} could not be run: ${asked.problem}` };
  const read = readMpiVersion(asked.text);
  if (choice !== "auto") return { launcher: { family: choice, program, version: read?.version ?? "unknown" } };
  return read
    ? { launcher: { ...read, program } }
    : { missing: `${program} is neither Open MPI's nor Hydra's: ${asked.text.slice(0, 80).trim()}` };
}

/** Reads what `mpiexec --version` prints; null where it is of neither family. */
export function readMpiVersion(text: string): Pick<MpiLauncher, "family" | "version"> | null {
  const openMpi = /\((?:OpenRTE|Open MPI)\)\s+(\S+)/.exec(text);
  if (openMpi) return { family: "openmpi", version: openMpi[1] ?? "unknown" };
  if (/HYDRA build details|Intel\(R\) MPI Library/i.test(text))
    return { family: "mpich", version: /Version:?\s+([\w.]+)/i.exec(text)?.[1] ?? "unknown" };
  return null;
}

async function askVersion(program: string): Promise<{ text: string } | { text: null; problem: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, ["--version"], { timeout: 30_000 });
    return { text: `${stdout}\n${stderr}` };
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    return { text: null, problem: isMissing ? "it is not on PATH" : messageOf(error) };
  }
}
