import type { Command } from "commander";
import { examplesOf } from "../tree/leaf.ts";

/** A command as completion and documentation see it. */
export type Outline = {
  /** `["job", "ls"]` */
  readonly path: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly usage: string;
  readonly options: readonly {
    readonly flags: readonly string[];
    readonly text: string;
    readonly takesValue: boolean;
    readonly written: string;
  }[];
  readonly children: readonly Outline[];
  /** Text below the options in its help. */
  readonly examples: readonly string[];
};

/** The tree of commands as values. */
export function outlineOf(command: Command, path: readonly string[] = []): Outline {
  const options = command.options.map((option) => ({
    flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
    text: option.description,
    takesValue: option.required || option.optional,
    written: option.flags,
  }));
  return {
    path,
    summary: command.summary(),
    description: command.description(),
    usage: command.usage(),
    options,
    children: command.commands.map((child) => outlineOf(child, [...path, child.name()])),
    examples: examplesOf(command),
  };
}

/** Every command of the tree that does something, in order. */
export function leavesOf(outline: Outline): Outline[] {
  return outline.children.length === 0 ? [outline] : outline.children.flatMap(leavesOf);
}
