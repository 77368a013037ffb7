import { spawn } from "node:child_process";
import { basename } from "node:path";
import { messageOf } from "../../../model/errors.ts";
import { type Answer, type Command, type CommandTrace, type Run, silent } from "./command.ts";

export type RunnerOptions = {
  readonly scheduler: string;
  /** After so long a command is killed, with all it started. */
  readonly limitSec: number;
  /** Where the scheduler's commands are, if not on PATH. */
  readonly directory: string | null;
  readonly onCommand?: (trace: CommandTrace) => void;
};

/** More output than this is no answer. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Runs commands as processes, each in a group of its own so that what hangs below it ends with it. */
export function processRunner({ scheduler, limitSec, directory, onCommand }: RunnerOptions): Run {
  return async (command) => {
    const startedAt = performance.now();
    const outcome = await execute(command, { limitSec, directory });
    const problem = typeof outcome.end === "number" ? null : outcome.end;
    onCommand?.({
      argv: command.argv,
      code: typeof outcome.end === "number" ? outcome.end : null,
      stdout: outcome.stdout,
      stderr: outcome.stderr,
      milliseconds: Math.round(performance.now() - startedAt),
      problem,
    });
    const answer: Answer = {
      command,
      code: problem === null ? Number(outcome.end) : -1,
      stdout: outcome.stdout,
      stderr: outcome.stderr,
    };
    if (problem !== null) throw silent(scheduler, problem, answer, outcome.neverRan);
    return answer;
  };
}

type Outcome = {
  /** The exit code, or why there is none. */
  readonly end: number | string;
  readonly neverRan: boolean;
  readonly stdout: string;
  readonly stderr: string;
};

function execute(
  { argv, input, environment = {} }: Command,
  { limitSec, directory }: Pick<RunnerOptions, "limitSec" | "directory">,
): Promise<Outcome> {
  const [program, ...parameters] = argv;
  const name = basename(program);
  return new Promise((resolve) => {
    const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let bytes = 0;
    let early: string | null = null;
    const child = spawn(program, parameters, {
      detached: true,
      env: environmentOf(environment, directory),
      stdio: ["pipe", "pipe", "pipe"],
    });
    const endGroup = (why: string) => {
      early ??= why;
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended meanwhile.
      }
      // What left the group may hold the pipes open for ever.
      setTimeout(() => settle(why), 1000);
    };
    const timer = setTimeout(() => endGroup(`${name} gave no answer within ${limitSec} s`), limitSec * 1000);
    const settle = (end: number | string) => {
      clearTimeout(timer);
      resolve({
        end: early ?? end,
        neverRan: child.pid === undefined,
        stdout: Buffer.concat(output.stdout).toString("utf8"),
        stderr: Buffer.concat(output.stderr).toString("utf8"),
      });
    };
    for (const stream of ["stdout", "stderr"] as const)
      child[stream].on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) endGroup(`${name} answered more than ${MAX_BYTES} bytes`);
        else output[stream].push(chunk);
      });
    child.on("error", (error: NodeJS.ErrnoException) =>
      settle(
        error.code === "ENOENT" ? `command ${name} was not found` : `${name} could not be run: ${messageOf(error)}`,
      ),
    );
    child.on("close", (code, signal) => settle(code ?? `${name} was ended by ${signal}`));
    child.stdin.on("error", () => undefined);
    child.stdin.end(input ?? "");
  });
}

function environmentOf(change: Readonly<Record<string, string | null>>, directory: string | null): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { ...process.env };
  if (directory !== null) environment.PATH = `${directory}:${process.env.PATH ?? ""}`;
  for (const [name, value] of Object.entries(change))
    if (value === null) delete environment[name];
    else environment[name] = value;
  return environment;
}
