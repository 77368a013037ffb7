import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { stop as stopEsbuild } from "esbuild";
import { bundleModule } from "../../app/bundle/bundle.ts";
import type { AppDefinition } from "../../app/definition.ts";
import { type ConiferError, isConiferError } from "../../model/errors.ts";
import type { DescribedApp } from "../../pilot/worker/messages.ts";
import { FunctionWorkers } from "../../pilot/worker/pool.ts";
import { libraryUrl, programPath } from "../../platform/programs.ts";
import { siteLayout } from "../directory/layout.ts";
import { badAppFile, checkExportedApp, readAppFile } from "./app-file.ts";
import { lineFinder } from "./line-finder.ts";

export type LoadedApp = {
  readonly name: string;
  /** Relative to the site's directory. */
  readonly file: string;
  readonly definition: AppDefinition;
  /** Where its hooks are; null for an app of a YAML file. */
  readonly code: { readonly module: string; readonly exportName: string } | null;
};
export type LoadedApps = {
  readonly apps: readonly LoadedApp[];
  /** One for each file that does not read; each names file and line. */
  readonly problems: readonly ConiferError[];
  /** Absolute paths of every file that had a part in it. */
  readonly inputs: readonly string[];
};

/** How long a module's own top-level code may take while it is looked at, seconds. */
const DESCRIBE_LIMIT_SEC = 20;

/**
 * Reads apps/*.yml and apps/*.ts (also .yaml, .mts, .js, .mjs) of a site. A module is bundled and looked at in a process
 * of its own, so that what it does on import cannot hurt the caller. Folders in apps/ are for modules that are imported.
 */
export async function loadAppFiles(directory: string): Promise<LoadedApps> {
  const layout = siteLayout(directory);
  const names = (await readdir(layout.apps, { withFileTypes: true }))
    .filter((entry) => !entry.isDirectory() && /^[^._].*\.(ya?ml|m?[jt]s)$/.test(entry.name))
    .map((entry) => entry.name)
    .filter((name) => !/\.(d|test)\.m?ts$/.test(name))
    .sort();
  const workers = new FunctionWorkers({ program: programPath("functionWorker") });
  const apps: LoadedApp[] = [];
  const problems: ConiferError[] = [];
  const inputs = new Set<string>();
  try {
    for (const name of names) {
      const path = join(layout.apps, name);
      inputs.add(path);
      try {
        const loaded = /\.ya?ml$/.test(name)
          ? [await loadYaml(path, `apps/${name}`)]
          : await loadModuleFile(path, {
              file: `apps/${name}`,
              root: directory,
              bundles: layout.bundles,
              workers,
              inputs,
            });
        for (const app of loaded) apps.push(unlessNamedTwice(app, apps));
      } catch (error) {
        if (!isConiferError(error)) throw error;
        problems.push(error);
      }
    }
  } finally {
    await workers[Symbol.asyncDispose]();
    if (names.some((name) => !/\.ya?ml$/.test(name))) await stopEsbuild();
  }
  return { apps, problems, inputs: [...inputs] };
}

async function loadYaml(path: string, file: string): Promise<LoadedApp> {
  const definition = readAppFile(await readFile(path, "utf8"), file);
  return { name: definition.name, file, definition, code: null };
}

type ModuleFile = {
  readonly file: string;
  readonly root: string;
  readonly bundles: string;
  readonly workers: FunctionWorkers;
  readonly inputs: Set<string>;
};

async function loadModuleFile(
  path: string,
  { file, root, bundles, workers, inputs }: ModuleFile,
): Promise<LoadedApp[]> {
  const bundle = await bundleModule(path, { directory: bundles, coniferUrl: libraryUrl(), root });
  for (const input of bundle.inputs) inputs.add(input);
  const source = await readFile(path, "utf8");
  const work = { kind: "describe", module: bundle.file } as const;
  const end = await workers.call(work, { limitSec: DESCRIBE_LIMIT_SEC });
  if (end.kind === "threw") throw badAppFile([{ file: thrownAt(end.stack, path, file), problem: end.message }]);
  if (end.kind === "overran")
    throw badAppFile([{ file, problem: `it does not finish loading within ${DESCRIBE_LIMIT_SEC} s` }]);
  if (end.kind === "crashed") throw badAppFile([{ file, problem: `loading it ended its process (${end.how})` }]);
  if (end.value.length === 0)
    throw badAppFile([
      {
        file,
        problem: "it exports no app; write `export const NAME = defineApp({ … })`, or move it to a folder in apps/",
      },
    ]);
  return end.value.map((described) => toLoadedApp(described, { file, source, module: bundle.file }));
}

function toLoadedApp(described: DescribedApp, from: { file: string; source: string; module: string }): LoadedApp {
  const { exportName, hooks, badHooks } = described;
  const lineOf = lineFinder(from.source, exportName);
  if (badHooks.length > 0) {
    const known = "hooks are preprocess, postprocess, onError and onTimeout, each a function";
    const toProblem = (name: string) => ({
      file: `${from.file}:${lineOf(["hooks", name])}`,
      problem: `hooks.${name} is not a hook; ${known}`,
    });
    throw badAppFile(badHooks.map(toProblem));
  }
  const definition = { ...checkExportedApp(described.definition, { file: from.file, lineOf }), hooks };
  return { name: definition.name, file: from.file, definition, code: { module: from.module, exportName } };
}

function unlessNamedTwice(app: LoadedApp, apps: readonly LoadedApp[]): LoadedApp {
  const other = apps.find(({ name }) => name === app.name);
  if (other === undefined) return app;
  throw badAppFile([{ file: app.file, problem: `app ${app.name} is defined in ${other.file} already` }]);
}

/** File and line of the module's own code in a stack trace, which source maps have led back to the author's files. */
function thrownAt(stack: string, path: string, file: string): string {
  const at = stack.indexOf(path);
  const line = at < 0 ? null : /^:(\d+)/.exec(stack.slice(at + path.length));
  return line === null ? file : `${file}:${line[1]}`;
}
