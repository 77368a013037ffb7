import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { messageOf } from "../../model/errors.ts";
import { readJsonFile, writeJsonFile } from "../../platform/files/json-file.ts";
import { type SiteLayout, siteLayout } from "../directory/layout.ts";
import { type LoadedApp, loadAppFiles } from "./load.ts";

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
  #apps: readonly LoadedApp[] = [];
  #loading: Promise<void> | null = null;

  constructor(directory: string, onProblems: (problems: readonly string[]) => void) {
    this.#layout = siteLayout(directory);
    this.#onProblems = onProblems;
  }

  /** The apps of the files that read, loaded again where a file has changed. */
  async apps(): Promise<readonly LoadedApp[]> {
    this.#loading ??= this.#refresh().finally(() => {
      this.#loading = null;
    });
    await this.#loading;
    return this.#apps;
  }

  /** The code of an app's hooks, as its file has them now. */
  async hookCode(app: string): Promise<HookCode> {
    // Files that cannot be looked at just now leave the apps as they were.
    const unread = await this.apps().then(
      () => [],
      (error: unknown) => [messageOf(error)],
    );
    const code = Object.hasOwn(this.#known, app) ? this.#known[app]?.code : undefined;
    if (code) return code;
    const problems = [`no file in apps/ exports app ${app} with hooks`, ...unread, ...this.#problems];
    return { problem: problems.join("; ") };
  }

  async #refresh(): Promise<void> {
    if (performance.now() - this.#lookedAt < LOOK_MS) return;
    if (this.#stamp === "" || (await this.#stampNow()).text !== this.#stamp) await this.#load();
    this.#lookedAt = performance.now();
  }

  async #load(): Promise<void> {
    const startedAt = Date.now();
    if (this.#stamp === "")
      this.#known = (await readJsonFile(this.#layout.appCode, knownSchema).catch(() => null)) ?? {};
    const loaded = await loadAppFiles(this.#layout.directory);
    this.#inputs = loaded.inputs;
    this.#apps = loaded.apps;
    this.#problems = loaded.problems.map((problem) => problem.message);
    this.#onProblems(this.#problems);
    const broken = loaded.problems.map((problem) => String(problem.values.file).split(":")[0]);
    const kept = Object.entries(this.#known).filter(([, { file }]) => broken.includes(file));
    const now = loaded.apps.map(({ name, file, code }) => [name, { file, code }] as const);
    this.#known = Object.fromEntries([...kept, ...now]);
    await writeJsonFile(this.#layout.appCode, this.#known);
    await this.#dropBundles();
    // What was changed while it was read is read again at the next look.
    const { text, newest } = await this.#stampNow();
    this.#stamp = newest < startedAt ? text : "changed meanwhile";
  }

  /** Changes whenever a file that has a part in the apps does. */
  async #stampNow(): Promise<{ text: string; newest: number }> {
    const paths = [this.#layout.apps, ...this.#inputs];
    const stats = await Promise.all(paths.map((path) => stat(path).catch(() => null)));
    const text = stats.map((one) => (one === null ? "-" : `${one.mtimeMs}/${one.size}`)).join(" ");
    return { text, newest: Math.max(...stats.map((one) => one?.mtimeMs ?? 0)) };
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
