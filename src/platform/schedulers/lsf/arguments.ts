import type { Command } from "../batch/command.ts";
import { ASKING, type SubmitParts } from "../batch/dialect.ts";

const FIELDS = ["jobid", "stat", "job_name", "exit_code", "exit_reason", "pend_reason", "start_time", "finish_time"];
/** LSF tells times without the year unless it is asked to. */
const LSF_ASKING = { ...ASKING, LSB_DISPLAY_YEAR: "Y", LSB_BJOBS_FORMAT: null };

/**
 * bsub reads its directives from what it is given on stdin only. The script redirects its own output, so that it can be
 * read while it runs; LSF's report arrives beside it after the end.
 */
export function bsub({ request, jobName, text }: SubmitParts): Command {
  return {
    argv: ["bsub", "-J", jobName, "-o", `${request.output}.scheduler`],
    environment: { BSUB_QUIET: null, BSUB_QUIET2: null, LSB_JOBNAME: null },
    input: text,
  };
}

/** All the user's jobs: those that wait and run, and those that ended in the last while (an hour, by default). */
export function bjobs(user: string): Command {
  return { argv: ["bjobs", "-a", "-u", user, "-json", "-o", FIELDS.join(" ")], environment: LSF_ASKING };
}

export function bkill(ids: readonly string[]): Command[] {
  return ids.length === 0 ? [] : [{ argv: ["bkill", ...ids], environment: { LC_ALL: "C" } }];
}

export const bqueues: Command = { argv: ["bqueues", "-l"], environment: ASKING };
export const bparams: Command = { argv: ["bparams"], environment: ASKING };
export const bhosts: Command = { argv: ["bhosts", "-w"], environment: ASKING };
