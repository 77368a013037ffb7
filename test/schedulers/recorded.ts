import { existsSync, readFileSync } from "node:fs";
import type { Answer } from "../../src/platform/schedulers/batch/command.ts";

/** Reads what real commands answered, from the folder `recorded` beside a test: NAME.stdout, NAME.stderr, and exit codes in codes.json. */
export function recordings(testUrl: string, program: string): (name: string) => Answer {
  const read = (name: string) => {
    const file = new URL(`recorded/${name}`, testUrl);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };
  const codes = JSON.parse(read("codes.json")) as Record<string, number>;
  return (name) => {
    const code = codes[name];
    if (code === undefined) throw new Error(`no recording ${name}`);
    const command = {
      argv: [name.includes("-") ? (name.split("-").find((word) => word in PROGRAMS) ?? program) : program] as const,
    };
    return { command, code, stdout: read(`${name}.stdout`), stderr: read(`${name}.stderr`) };
  };
}

const PROGRAMS = {
  qsub: 1,
  qstat: 1,
  qdel: 1,
  qacct: 1,
  pbsnodes: 1,
  qselect: 1,
  sbatch: 1,
  squeue: 1,
  sacct: 1,
  scancel: 1,
  qhost: 1,
  qconf: 1,
};
