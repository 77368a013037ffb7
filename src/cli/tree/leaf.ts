import type { Command } from "commander";
import type { Cli } from "../cli.ts";

/** What a command does; it is loaded when it is called. */
export type Action = (cli: Cli, options: never, ...args: never[]) => Promise<void>;
export type Load = () => Promise<Action>;
/** Runs a loaded action; the program's main decides how. */
export type Start = (call: { load: Load; options: Record<string, unknown>; args: unknown[] }) => Promise<void>;

/** One command with its example lines (`command  # what it does`). */
export type Leaf = {
  /** `kill [jobs...]` */
  readonly usage: string;
  readonly summary: string;
  /** More than the summary, for its help. */
  readonly description?: string;
  readonly examples: readonly string[];
  readonly load: Load;
};

export type Group = { readonly add: (leaf: Leaf) => Command };

/** Adds commands below `parent`; each takes --json. */
export function groupOf(parent: Command, start: Start): Group {
  return {
    add({ usage, summary, description, examples, load }) {
      const command = parent
        .command(usage)
        .summary(summary)
        .description(description === undefined ? summary : `${summary}.\n${description}`)
        .option("--json", "answer in JSON")
        .addHelpText("after", formatExamples(examples));
      EXAMPLES.set(command, examples);
      command.action(async (...given: unknown[]) => {
        // Commander calls with the arguments, then the options, then the command itself.
        const args = given.slice(0, -2);
        await start({ load, options: command.opts(), args });
      });
      return command;
    },
  };
}

const EXAMPLES = new WeakMap<Command, readonly string[]>();

/** The example lines of a command. */
export const examplesOf = (command: Command): readonly string[] => EXAMPLES.get(command) ?? [];

/** A command that only holds others. */
export function branch(parent: Command, name: string, summary: string): Command {
  return parent.command(name).summary(summary).description(summary);
}

/** Adds up the values of an option that may be repeated. */
export const repeated = (value: string, before: readonly string[] = []): string[] => [...before, value];

function formatExamples(examples: readonly string[]): string {
  return examples.length === 0 ? "" : `\nExamples:\n${examples.map((example) => `  $ ${example}\n`).join("")}`;
}
