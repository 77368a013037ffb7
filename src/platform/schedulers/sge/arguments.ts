import type { Command } from "../batch/command.ts";
import { ASKING, type SubmitParts } from "../batch/dialect.ts";

export function qsub({ request, jobName, script }: SubmitParts): Command {
  return {
    argv: ["qsub", "-terse", "-N", jobName, "-wd", request.directory, "-o", request.output, "-j", "y", script],
  };
}

/** The user's jobs that wait or run, with whole names and what they asked for. */
export function qstat(user: string): Command {
  return { argv: ["qstat", "-u", user, "-s", "prs", "-r", "-xml"], environment: ASKING };
}

/** One job with its messages: why it is in error. */
export function qstatJob(id: string): Command {
  return { argv: ["qstat", "-j", id], environment: ASKING };
}

/** Accounting of one job, by id or by name: it takes only one. */
export function qacct(idOrName: string): Command {
  return { argv: ["qacct", "-j", idOrName], environment: ASKING };
}

export function qdel(ids: readonly string[]): Command[] {
  return ids.length === 0 ? [] : [{ argv: ["qdel", ids.join(",")], environment: { LC_ALL: "C" } }];
}

export const listQueues: Command = { argv: ["qconf", "-sql"], environment: ASKING };
export const queueInstances: Command = { argv: ["qstat", "-f", "-xml"], environment: ASKING };

export function showQueues(names: readonly string[]): Command {
  return { argv: ["qconf", "-sq", names.join(",")], environment: ASKING };
}
