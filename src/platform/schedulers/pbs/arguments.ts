import type { Command } from "../batch/command.ts";
import { ASKING, type SubmitParts } from "../batch/dialect.ts";

const IDS_A_COMMAND = 200;

/**
 * The script redirects its own output, so that it can be read while it runs; what PBS itself has to say arrives beside
 * it after the end.
 */
export function qsub({ request, jobName, script }: SubmitParts): Command {
  return { argv: ["qsub", "-N", jobName, "-j", "oe", "-o", `${request.output}.scheduler`, script] };
}

/** Ids of the user's jobs that wait or run. */
export function qselect(user: string): Command {
  return { argv: ["qselect", "-u", user], environment: ASKING };
}

/** Ids of the user's jobs of a name, ended ones included. */
export function qselectByName(user: string, name: string): Command {
  return { argv: ["qselect", "-x", "-u", user, "-N", name], environment: ASKING };
}

/** Everything about these jobs; ended ones too where the server keeps a history. */
export function qstat(ids: readonly string[], { history = true } = {}): Command[] {
  return chunked(ids).map((chunk) => ({
    argv: ["qstat", ...(history ? ["-x"] : []), "-f", "-F", "json", ...chunk],
    environment: ASKING,
  }));
}

export function qdel(ids: readonly string[]): Command[] {
  return chunked(ids).map((chunk) => ({ argv: ["qdel", ...chunk], environment: { LC_ALL: "C" } }));
}

export const qstatQueues: Command = { argv: ["qstat", "-Q", "-f", "-F", "json"], environment: ASKING };
export const qstatServer: Command = { argv: ["qstat", "-B", "-f", "-F", "json"], environment: ASKING };
export const pbsnodes: Command = { argv: ["pbsnodes", "-a", "-v", "-F", "json"], environment: ASKING };

function chunked(ids: readonly string[]): (readonly string[])[] {
  return Array.from({ length: Math.ceil(ids.length / IDS_A_COMMAND) }, (_, chunk) =>
    ids.slice(chunk * IDS_A_COMMAND, (chunk + 1) * IDS_A_COMMAND),
  );
}
