import type { Command } from "../batch/command.ts";
import { ASKING, type SubmitParts } from "../batch/dialect.ts";

/** What is read of a job, in this order; the name is last because it alone may hold the separator. */
const FIELDS = [
  "id",
  "status",
  "returncode",
  "t_run",
  "t_inactive",
  "expiration",
  "exception.type",
  "dependencies",
  "annotations.sched.reason_pending",
  "name",
];
/** Job ids come behind ƒ, and Python refuses to print it where the locale is plain C. */
const FLUX_ASKING = { ...ASKING, LC_ALL: "C.UTF-8", FLUX_F58_FORCE_ASCII: "1" };

export function fluxBatch({ request, jobName, script }: SubmitParts): Command {
  return {
    argv: [
      "flux",
      "batch",
      `--job-name=${jobName}`,
      `--output=${request.output}`,
      `--cwd=${request.directory}`,
      script,
    ],
    environment: { FLUX_F58_FORCE_ASCII: "1" },
  };
}

/** All the user's jobs, those that have ended included. */
export function fluxJobs(): Command {
  const format = FIELDS.map((field) => `{${field}}`).join("\t");
  return { argv: ["flux", "jobs", "-a", "-n", "-c", "10000", "-o", format], environment: FLUX_ASKING };
}

export function fluxCancel(ids: readonly string[]): Command[] {
  return ids.length === 0 ? [] : [{ argv: ["flux", "cancel", ...ids], environment: FLUX_ASKING }];
}

/** Nodes by queue and state. */
export const fluxResources: Command = {
  argv: ["flux", "resource", "list", "-n", "-s", "free,allocated,down", "-o", "{queue}\t{state}\t{nnodes}"],
  environment: FLUX_ASKING,
};
