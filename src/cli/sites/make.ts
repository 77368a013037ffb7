import { resolve } from "node:path";
import { findAccess } from "../../client/access.ts";
import { initSite, sampleSettings } from "../../site/index.ts";
import type { Cli } from "../cli.ts";

/** `conifer site init` */
export async function makeSite(cli: Cli, options: { name?: string }, directory: string): Promise<void> {
  const access = await findAccess({ env: cli.env, home: cli.home });
  const { client } = await cli.conifer();
  const path = resolve(cli.cwd, directory);
  const name = options.name === undefined ? {} : { name: options.name };
  const made = await initSite({ directory: path, ...name, access, client });
  cli.terminal.answer(
    made,
    () => `made site ${made.name} in ${made.directory}; next: conifer site start ${directory}\n`,
  );
}

/** `conifer site sample-settings` */
export async function printSettings(cli: Cli): Promise<void> {
  const text = sampleSettings();
  cli.terminal.answer({ text }, () => text);
}
