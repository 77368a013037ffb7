import { join } from "node:path";
import type { Command } from "../batch/command.ts";
import { ASKING, type SubmitParts } from "../batch/dialect.ts";

/** Columns of qstat that are read; none holds a blank. */
const COLUMNS = ["JobID", "JobName", "State", "RunTime", "TimeRemaining", "Queue"];

/** Cobalt forgets a job that has ended; how it ended is in this log, which it writes as the job goes. */
export function cobaltLog(logDirectory: string, jobName: string): string {
  return join(logDirectory, `${jobName}.cobaltlog`);
}

export function qsub({ request, jobName, script, logDirectory }: SubmitParts): Command {
  return {
    argv: [
      "qsub",
      "--jobname",
      jobName,
      "-o",
      request.output,
      "-e",
      request.output,
      "--debuglog",
      cobaltLog(logDirectory, jobName),
      "--cwd",
      request.directory,
      "--mode",
      "script",
      script,
    ],
  };
}

/** The user's jobs that wait or run. */
export function qstat(user: string): Command {
  return {
    argv: ["qstat", "-u", user, `--header=${COLUMNS.join(":")}`],
    environment: { ...ASKING, QSTAT_HEADER: null },
  };
}

export function qdel(ids: readonly string[]): Command[] {
  return ids.length === 0 ? [] : [{ argv: ["qdel", ...ids], environment: { LC_ALL: "C" } }];
}

export const qstatQueues: Command = { argv: ["qstat", "-Q"], environment: ASKING };
export const nodelist: Command = { argv: ["nodelist"], environment: ASKING };
