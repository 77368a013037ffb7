import type { Cli } from "../cli.ts";
import { oneOf } from "../tree/values.ts";
import { outlineOf } from "./outline.ts";
import { bashScript, fishScript, zshScript } from "./scripts.ts";

const WRITERS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

/** `conifer completion` */
export async function printCompletion(cli: Cli, _options: object, named: string): Promise<void> {
  const shell = oneOf("completion", ["bash", "zsh", "fish"])(named);
  const script = WRITERS[shell](outlineOf(cli.program()));
  cli.terminal.answer({ shell, script }, () => script);
}
