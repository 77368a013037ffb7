import { readFile } from "node:fs/promises";
import { quote } from "../../../app/quote.ts";
import { ConiferError, isConiferError, messageOf } from "../../../model/errors.ts";
import type { AllocationRequest, QueueView } from "../scheduler.ts";
import { overLimits } from "./check-limits.ts";
import type { Dialect } from "./dialect.ts";
import { exportLines, renderScript, type ScriptTemplate, shellCommand } from "./render-script.ts";
import { type RequestOptions, readOptions } from "./request-options.ts";
import type { BatchSettings } from "./settings.ts";

type Site = { readonly dialect: Dialect<object>; readonly settings: BatchSettings };

/** The submit script of a request, or why there can be none, in words for whoever asked. */
export async function prepareScript(
  request: AllocationRequest,
  { dialect, settings, jobName, queues }: Site & { readonly jobName: string; readonly queues: readonly QueueView[] },
): Promise<{ readonly text: string } | { readonly refusal: string }> {
  const odd = dialect.refusesPath(request.output) ?? dialect.refusesPath(request.directory);
  if (odd !== null) return { refusal: odd };
  const read = readOptions(request, settings, dialect);
  if (typeof read === "string") return { refusal: read };
  const refusal = overLimits(request, queues, settings);
  if (refusal !== null) return { refusal };
  try {
    const template = await readTemplate({ dialect, settings });
    return { text: renderScript(template, variables(request, { dialect, settings, jobName, read })) };
  } catch (error) {
    if (isConiferError(error) && error.code !== "INTERNAL") return { refusal: error.message };
    throw error;
  }
}

/** Fills the site's template in for an imaginary request; throws BAD_SCRIPT_TEMPLATE or BAD_INPUT where that fails. */
export async function tryTemplate({ dialect, settings }: Site): Promise<void> {
  const read = readOptions(IMAGINARY, settings, dialect);
  if (typeof read === "string") throw new ConiferError("BAD_INPUT", { where: "scheduler.options", problem: read });
  renderScript(
    await readTemplate({ dialect, settings }),
    variables(IMAGINARY, { dialect, settings, jobName: "check", read }),
  );
}

const IMAGINARY: AllocationRequest = {
  key: "0",
  name: "check",
  command: ["true"],
  environment: {},
  directory: "/",
  output: "/batch.out",
  nodes: 1,
  wallTimeMin: 10,
  queue: "",
  project: "",
  options: {},
};

function variables(
  request: AllocationRequest,
  { dialect, settings, jobName, read }: Site & { readonly jobName: string; readonly read: RequestOptions },
) {
  const { options, parameters } = read;
  const queue = request.queue === "" ? settings.queue : request.queue;
  const project = request.project === "" ? settings.project : request.project;
  return {
    ...options,
    parameters,
    key: request.key,
    name: jobName,
    nodes: request.nodes,
    wallTimeMin: request.wallTimeMin,
    queue,
    project,
    extra: settings.extra,
    preamble: settings.preamble.trimEnd(),
    directory: quote(request.directory),
    output: quote(request.output),
    environment: exportLines(request.environment),
    command: shellCommand(request.command),
    ...dialect.variables({ ...request, queue, project }, options),
  };
}

async function readTemplate({ dialect, settings: { template } }: Site): Promise<ScriptTemplate> {
  if (template === null) return { file: `the built-in ${dialect.kind} template`, text: dialect.template };
  try {
    return { file: template, text: await readFile(template, "utf8") };
  } catch (cause) {
    const problem = `it cannot be read: ${messageOf(cause)}`;
    throw new ConiferError("BAD_SCRIPT_TEMPLATE", { file: template, line: 1, problem }, { cause });
  }
}
