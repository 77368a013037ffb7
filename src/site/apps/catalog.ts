import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readJsonFile, writeJsonFile } from "../../platform/files/json-file.ts";
import { type SiteLayout, siteLayout } from "../directory/layout.ts";
import { type LoadedApps, loadAppFiles } from "./load.ts";

const knownSchema = z.record(
  z.string(),
  z.object({ file: z.string(), code: z.object({ module: z.string(), exportName: z.string() }).nullable() }),
);
type Known = z.output<typeof knownSchema>;

/** Files are looked at no more often than this. */
const LOOK_MS = 1000;
/** Bundles that no app uses any more are kept so long. */
const KEEP_BUNDLES_MS = 7 * 86_400_000;

/** Where an app's hooks are, or why that is not known. */
export type HookCode = { readonly module: string; readonly exportName: string } | { readonly problem: string };

/**
 * The apps of a site as its files have them now. A file that does not read any more (somebody is editing it) leaves its
 * apps as they were when it last did, over restarts too.
 */
export class AppCatalog {
  readonly #layout: SiteLayout;
  readonly #onProblems: (problems: readonly string[]) => void;
  #known: Known = {};
  #problems: readonly string[] = [];
  #stamp = "";
  #lookedAt = Number.NEGATIVE_INFINITY;
  #inputs: readonly string[] = [];
  #loading: Promise<LoadedApps | null> | null = null;

  constructor(directory: string, onProblems: (problems: readonly string[]) => void) {
    this.#layout = siteLayout(directory);
    this.#onProblems = onProblems;
  }

  /** Loads the files that are there; null where nothing has changed since the last time. */
  async refresh(): Promise<LoadedApps | null> {
    this.#loading ??= this.#refresh().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /** The code of an app's hooks, as its file has them now. */
  async hookCode(app: string): Promise<HookCode> {
    await this.refresh();
    const code = Object.hasOwn(this.#known, app) ? this.#known[app]?.code : undefined;
    if (code) return code;
    const problems = this.#problems.length === 0 ? "" : `; ${this.#problems.join("; ")}`;
    return { problem: `no file in apps/ exports app ${app} with hooks${problems}` };
  }

  async #refresh(): Promise<LoadedApps | null> {
    if (performance.now() - this.#lookedAt < LOOK_MS) return null;
    this.#lookedAt = performance.now();
    if (this.#stamp !== "" && (await this.#stampNow()) === this.#stamp) return null;
    if (this.#stamp === "")
      this.#known = (await readJsonFile(this.#layout.appCode, knownSchema).catch(() => null)) ?? {};
    const loaded = await loadAppFiles(this.#layout.directory);
    this.#inputs = loaded.inputs;
    this.#problems = loaded.problems.map((problem) => problem.message);
    this.#onProblems(this.#problems);
    const broken = loaded.problems.map((problem) => String(problem.values.file).split(":")[0]);
    const kept = Object.entries(this.#known).filter(([, { file }]) => broken.includes(file));
    const now = loaded.apps.map(({ name, file, code }) => [name, { file, code }] as const);
    this.#known = Object.fromEntries([...kept, ...now]);
    await writeJsonFile(this.#layout.appCode, this.#known);
    await this.#dropBundles();
    this.#stamp = await this.#stampNow();
    return loaded;
  }

  /** Changes whenever a file that has a part in the apps does. */
  async #stampNow(): Promise<string> {
    const paths = [this.#layout.apps, ...this.#inputs];
    const stats = await Promise.all(paths.map((path) => stat(path).catch(() => null)));
    return stats.map((one) => (one === null ? "-" : `${one.mtimeMs}/${one.size}`)).join(" ");
  }

  async #dropBundles(): Promise<void> {
    const used = new Set(Object.values(this.#known).map(({ code }) => code?.module));
    for (const name of await readdir(this.#layout.bundles).catch(() => [])) {
      const path = join(this.#layout.bundles, name);
      const found = await stat(path).catch(() => null);
      if (found !== null && !used.has(path) && Date.now() - found.mtimeMs > KEEP_BUNDLES_MS)
        await rm(path, { force: true });
    }
  }
}
