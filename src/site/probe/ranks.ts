/**
 * Whether ranks that the site's launcher starts know each other. A launcher and an MPI library that speak different ways
 * make as many copies of "rank 0 of 1" as ranks were asked for, and all of them end well; so each rank prints what it was
 * told, and it is looked at.
 */
import { type DoctorLine, fail, ok, warn } from "../doctor/line.ts";

/** Variables by which an MPI library learns its rank. */
const LIBRARY = ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "PALS_RANKID", "ALPS_APP_PE", "JSM_NAMESPACE_RANK"];
/** By which only the launcher numbers its processes. */
const NUMBER = ["SLURM_PROCID", "FLUX_TASK_RANK"];
const WORD = "conifer-rank";

/** What each rank runs: one line with what it was told. */
export function rankReport(): string[] {
  const values = [...LIBRARY, ...NUMBER].map((name) => `${name}=\${${name}:-}`).join(" ");
  return ["sh", "-c", `echo "${WORD} ${values}"`];
}

/** What the lines of the ranks mean. */
export function judgeRanks(output: string, { ranks, family }: { ranks: number; family: string }): DoctorLine {
  const lines = output.split("\n").flatMap((line) => {
    const at = line.indexOf(`${WORD} `);
    return at === -1 ? [] : [readLine(line.slice(at + WORD.length + 1))];
  });
  const advice = "Name the launcher that goes with your MPI library in pilot.mpi, or load its module in the preamble.";
  if (lines.length !== ranks) return fail("mpi", `${family} started ${lines.length} of ${ranks} ranks`, advice);
  const told = lines.map((line) => LIBRARY.map((name) => line[name]).find((value) => value !== ""));
  const numbers = new Set(told.filter((value) => value !== undefined));
  if (numbers.size === ranks) return ok("mpi", `${family} starts ranks that know each other`);
  const areNumbered = new Set(lines.map((line) => NUMBER.map((name) => line[name]).find((value) => value !== ""))).size;
  if (numbers.size === 0 && areNumbered === ranks)
    return warn(
      "mpi",
      `${family} numbers its processes, but says nothing that an MPI library reads: each rank would take itself for the only one`,
      "Name a way that your library speaks in pilot.ranks.pmi (srun --mpi=list), such as pmix, pmi2 or cray_shasta.",
    );
  return fail(
    "mpi",
    `${family} started ${ranks} ranks, each of which takes itself for rank ${[...numbers][0] ?? 0}`,
    advice,
  );
}

function readLine(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(" ").flatMap((word) => {
      const at = word.indexOf("=");
      return at < 1 ? [] : [[word.slice(0, at), word.slice(at + 1).trim()] as const];
    }),
  );
}
