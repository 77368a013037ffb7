import { statSync } from "node:fs";
import { quote } from "../../../app/quote.ts";
import { simpleProgram } from "./simple-command.ts";

/** What a task shell is told about one task; every name and value is quoted here. */
export interface TaskScript {
  /** Absolute. */
  readonly workdir: string;
  readonly stdout: string;
  readonly stderr: string;
  /** Names are checked by whoever made this (`prepare/environment.ts`). */
  readonly environment: Iterable<readonly [name: string, value: string]>;
  /** What `programText` made of the command. */
  readonly program: string;
}

/**
 * The lines that run one task in a task shell and print its exit status. stdout is opened last, so that it exists exactly when the
 * program was reached. No subshell: dash then starts the program with vfork, which takes a third less time than fork.
 */
export function taskLines(task: TaskScript): string {
  let assignments = "";
  for (const [name, value] of task.environment) assignments += `${name}=${quote(value)} `;
  const streams =
    task.stdout === task.stderr ? `>${quote(task.stdout)} 2>&1` : `2>${quote(task.stderr)} >${quote(task.stdout)}`;
  return `cd ${quote(task.workdir)} && ${assignments}${task.program} </dev/null ${streams}; echo $?\n`;
}

/** The line that pins a task shell, and so its later tasks, to cores; it prints `P` where that fails. */
export function pinLine(cores: string): string {
  return `taskset -cp ${quote(cores)} $$ >/dev/null 2>&1 || echo P\n`;
}

/** A name that no environment has. */
const gate = "_conifer_gate_closed";

/** What a task shell reads first: it outlives the signals that end tasks, and SIGUSR1 closes its gate. */
export const taskShellStart = `trap : TERM INT HUP QUIT USR2; trap ${gate}=1 USR1\n`;

export const openGate = `${gate}=\n`;

/** Lines that run only while the task shell's gate is open; else `S` is printed. */
export function gated(lines: string): string {
  return `if [ "$${gate}" ]; then echo S; else ${lines}fi\n`;
}

export interface CommandSource {
  readonly command: string;
  readonly preamble: string | null;
  /** Where `true` and `false` are looked up. */
  readonly path: string;
  /** For commands that are not simple: absolute. */
  readonly bash: string;
  /** Shell text that comes first in them (functions of the agent's environment), or "". */
  readonly functions: string;
  /** Keeps a text too long for one argument in a file and returns its path. */
  readonly saveLongText: (text: string) => string;
}

/** The command as a task shell may read it: itself where it is simple, else one call of bash. */
export function programText(source: CommandSource): string {
  const command = source.command.replace(/^[ \t\n]+|[ \t\n]+$/g, "");
  if (source.preamble === null) {
    const program = simpleProgram(command);
    if (program === "true" || program === "false") {
      const file = findProgram(program, source.path);
      if (file !== null) return quote(file) + command.slice(command.search(/[ \t]|$/));
    } else if (program !== null) return command;
  }
  const text = `${source.functions}${source.preamble === null ? "" : `${source.preamble}\n`}${source.command}`;
  const bash = quote(source.bash);
  // Linux takes at most 128 KiB in one argument.
  if (text.length * 3 > 120_000 && Buffer.byteLength(text) > 120_000)
    return `${bash} ${quote(source.saveLongText(text))}`;
  return `${bash} -c ${quote(text)}`;
}

const found = new Map<string, string | null>();

/** The file that a name without a slash stands for; remembered, since programs of the system do not move. */
export function findProgram(name: string, path: string): string | null {
  const key = `${name}\0${path}`;
  const known = found.get(key);
  if (known !== undefined) return known;
  const file =
    path
      .split(":")
      .filter((directory) => directory.startsWith("/"))
      .map((directory) => `${directory}/${name}`)
      .find((candidate) => ((statSync(candidate, { throwIfNoEntry: false })?.mode ?? 0) & 0o111) !== 0) ?? null;
  if (found.size > 1000) found.clear();
  found.set(key, file);
  return file;
}
