import type { JobChange } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Cli } from "../cli.ts";
import { selectJobs } from "../select/selection.ts";
import { pairs } from "../tree/values.ts";
import { type ActOptions, reportChange } from "./act.ts";
import { type AskOptions, askedFields, readJsonObject } from "./asked.ts";
import { readParameters } from "./parameters.ts";

type Options = ActOptions &
  AskOptions & {
    readonly param?: readonly string[];
    readonly setName?: string;
    readonly setWorkflow?: string;
    readonly setTag?: readonly string[];
    readonly setData?: string;
  };

/** `conifer job modify` */
export async function modifyJobs(cli: Cli, options: Options, selectors: readonly string[] = []): Promise<void> {
  const set = changes(options);
  if (Object.keys(set).length === 0)
    throw new ConiferError("BAD_INPUT", { where: "job modify", problem: "no field to change was given" });
  const selection = await selectJobs(cli, selectors, { ...options, command: "job modify" });
  const { client } = await cli.conifer();
  const body = selection.kind === "ids" ? { ids: [...selection.ids] } : { where: [...selection.where] };
  reportChange(cli, await client.call("jobUpdate", { body: { ...body, set } }), "changed");
}

function changes({ param, setName, setWorkflow, setTag, setData, ...asked }: Options): JobChange {
  return {
    ...(askedFields(asked) as JobChange),
    ...(param === undefined ? {} : { parameters: readParameters(param, null) }),
    ...(setName === undefined ? {} : { name: setName }),
    ...(setWorkflow === undefined ? {} : { workflow: setWorkflow }),
    ...(setTag === undefined ? {} : { tags: pairs("--set-tag", setTag) }),
    ...(setData === undefined ? {} : { data: readJsonObject("--set-data", setData) as JobChange["data"] & object }),
  };
}
