import { templateParameters } from "../../app/template.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";
import { readScalar } from "../jobs/sweep.ts";
import { siteOrOnly } from "../sites/which.ts";
import { pairs } from "../tree/values.ts";

type Options = {
  readonly site?: string;
  readonly description?: string;
  readonly default?: readonly string[];
  readonly helpOf?: readonly string[];
  readonly output?: readonly string[];
  readonly ranksPerNode?: number;
};

/** `conifer app create` */
export async function createApp(cli: Cli, options: Options, name: string, command: string): Promise<void> {
  const site = await siteOrOnly(cli, options.site);
  const defaults = pairs("--default", options.default);
  const helps = pairs("--help-of", options.helpOf);
  const names = templateParameters(command, `app ${name}`);
  for (const given of [...Object.keys(defaults), ...Object.keys(helps)])
    if (!names.includes(given))
      throw new ConiferError("UNKNOWN_PARAMETER", {
        where: "app create",
        app: name,
        parameter: given,
        known: names.join(", ") || "none",
      });
  const parameters = names.map((one) => [
    one,
    {
      help: helps[one] ?? "",
      ...(defaults[one] === undefined ? {} : { default: readScalar(defaults[one]) }),
    },
  ]);
  const { apps } = await cli.conifer();
  const { items } = await apps.sync(site.id, [
    {
      name,
      command,
      parameters: Object.fromEntries(parameters),
      ...(options.description === undefined ? {} : { description: options.description }),
      ...(options.output === undefined ? {} : { outputs: [...options.output] }),
      ...(options.ranksPerNode === undefined ? {} : { resources: { ranksPerNode: options.ranksPerNode } }),
    },
  ]);
  const made = items.find((app) => app.name === name);
  cli.terminal.answer(made, () => `app ${name} at site ${site.name} (id ${made?.id})\n`);
}
