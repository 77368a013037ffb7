import { resolve } from "node:path";
import { findAccess } from "../../client/access.ts";
import { findPreset, guessHere, initSite, type MachinePreset, sampleSettings } from "../../site/index.ts";
import type { Cli } from "../cli.ts";

/** `conifer site init` */
export async function makeSite(
  cli: Cli,
  options: { name?: string; machine?: string },
  directory: string,
): Promise<void> {
  const { preset, said } = await presetFor(cli, options.machine);
  const access = await findAccess({ env: cli.env, home: cli.home });
  const { client } = await cli.conifer();
  const path = resolve(cli.cwd, directory);
  const name = options.name === undefined ? {} : { name: options.name };
  const made = await initSite({ directory: path, ...name, ...(preset && { preset }), access, client });
  const machine = made.settingsWritten && preset !== null ? preset.name : null;
  if (machine !== null) cli.terminal.note(said);
  else if (options.machine !== undefined)
    cli.terminal.note(
      `settings.yml was there and is left alone; conifer site sample-settings --machine ${options.machine}`,
    );
  if (machine !== null) for (const line of preset?.machine.check ?? []) cli.terminal.note(`  look at: ${line}`);
  cli.terminal.answer(
    { ...made, machine },
    () => `made site ${made.name} in ${made.directory}; next: conifer site start ${directory}\n`,
  );
}

/** The preset named, that of CONIFER_MACHINE, or the one that this machine is taken for; with what is said of the choice. */
async function presetFor(cli: Cli, asked: string | undefined): Promise<{ preset: MachinePreset | null; said: string }> {
  const named = asked ?? cli.env.CONIFER_MACHINE;
  if (named) return { preset: await findPreset(named), said: `settings are those of machine ${named}` };
  const guess = await guessHere(cli.env);
  if (guess === null) return { preset: null, said: "" };
  const { preset, because, others } = guess;
  const more = others.length === 0 ? "" : ` (there are also ${others.join(", ")})`;
  const said = `settings are those of machine ${preset.name}${more}, taken by ${because}; --machine names another`;
  return { preset, said };
}

/** `conifer site sample-settings` */
export async function printSettings(cli: Cli, options: { machine?: string }): Promise<void> {
  const text = sampleSettings(options.machine === undefined ? {} : { preset: await findPreset(options.machine) });
  cli.terminal.answer({ text }, () => text);
}
