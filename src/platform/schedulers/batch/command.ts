import { ConiferError } from "../../../model/errors.ts";

/** A command of a scheduler's, ready to run. */
export type Command = {
  readonly argv: readonly [program: string, ...arguments_: string[]];
  /** Added to the environment; null takes a variable away. */
  readonly environment?: Readonly<Record<string, string | null>>;
  readonly input?: string;
};

/** What a command answered. A command that was ended by a signal has no code and is no answer. */
export type Answer = {
  readonly command: Command;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
};

/** Runs a command; throws SCHEDULER_SILENT where there is no answer: it is not there, takes too long, or was killed. */
export type Run = (command: Command) => Promise<Answer>;

/** For whoever keeps a log: a command, what it said, and what was wrong with that (null = nothing). */
export type CommandTrace = {
  readonly argv: readonly string[];
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
  readonly problem: string | null;
};

/** Of an answer that makes no sense the error holds so much, for the log. */
const KEPT_CHARACTERS = 4000;

/** SCHEDULER_SILENT with the scheduler's own words; the answer itself is in the error's values. */
export function silent(scheduler: string, problem: string, answer?: Answer, neverRan = false): ConiferError {
  const raw =
    answer === undefined
      ? {}
      : {
          command: answer.command.argv.join(" "),
          code: answer.code,
          stdout: answer.stdout.slice(0, KEPT_CHARACTERS),
          stderr: answer.stderr.slice(0, KEPT_CHARACTERS),
        };
  return new ConiferError("SCHEDULER_SILENT", { scheduler, problem, ...raw, ...(neverRan ? { neverRan } : {}) });
}

/** SCHEDULER_SILENT because an answer does not read as the one of this command. */
export function unreadable(scheduler: string, answer: Answer, what = "its answer does not read"): ConiferError {
  const start = answer.stdout.trim().slice(0, 120);
  const program = answer.command.argv[0];
  return silent(scheduler, `${program}: ${what}: ${start === "" ? "it is empty" : JSON.stringify(start)}`, answer);
}

/** What a command complained of, on one line, without the program's name in front of each line. */
export function wordsOf({ command, code, stderr, stdout }: Answer): string {
  const program = command.argv[0].split("/").at(-1) ?? "";
  const text = (stderr.trim() === "" ? stdout : stderr).replace(/^usage:[\s\S]*/im, "");
  const lines = text
    .split("\n")
    .map((line) =>
      line
        .trim()
        .replace(new RegExp(`^${program}: `), "")
        .replace(/^(fatal|error): /, ""),
    )
    .filter((line) => line !== "" && !/^(Try "|Exiting\.)/.test(line));
  return lines.length === 0 ? `${program} ended with exit code ${code}` : lines.join("; ").slice(0, 1000);
}
