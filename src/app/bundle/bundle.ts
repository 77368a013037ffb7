import { createHash, randomBytes } from "node:crypto";
import { access, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { isAbsolute, join, relative, resolve } from "node:path";
import { build, type Message, type Plugin } from "esbuild";
import { ConiferError, messageOf } from "../../model/errors.ts";

/** A module with all it imports in one file, named by the hash of its content. */
export type Bundle = {
  /** Absolute path of the bundled module. */
  readonly file: string;
  readonly hash: string;
  /** Absolute paths of every source file in it. */
  readonly inputs: readonly string[];
};

export type BundleOptions = {
  /** Where bundles are kept; one that is there already is used again. */
  readonly directory: string;
  /** Where a module's `import … from "conifer"` leads; a file URL. */
  readonly coniferUrl: string;
  /** Errors name files relative to this; default: absolute. */
  readonly root?: string;
};

/**
 * Bundles a TypeScript or JavaScript module for Node, with an inline source map so that errors name the author's lines.
 * Throws BAD_APP_FILE, which tells every problem as `file:line:column: problem`.
 */
export async function bundleModule(entry: string, options: BundleOptions): Promise<Bundle> {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    // Not written; it makes the paths in the source map relative to where the bundle will be.
    outfile: join(options.directory, "bundle.mjs"),
    metafile: true,
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    logLevel: "silent",
    banner: { js: REQUIRE },
    plugins: [leadConiferTo(options.coniferUrl)],
  }).catch((cause: unknown) => {
    throw toError(entry, cause, options.root);
  });
  const content = result.outputFiles[0]?.contents ?? new Uint8Array();
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 32);
  const file = join(options.directory, `${hash}.mjs`);
  await mkdir(options.directory, { recursive: true });
  if (!(await exists(file))) await writeWhole(file, content);
  const inputs = Object.keys(result.metafile.inputs).map((path) => (isAbsolute(path) ? path : resolve(path)));
  return { file, hash, inputs };
}

/** CommonJS packages in a bundle call `require`, which an ES module does not have. */
const REQUIRE =
  'import { createRequire as __coniferRequire } from "node:module"; const require = __coniferRequire(import.meta.url);';

/** Imports of the library stay imports, of the library that runs: a site directory has no node_modules to find it in. */
function leadConiferTo(url: string): Plugin {
  return {
    name: "conifer",
    setup(plugin) {
      plugin.onResolve({ filter: /^conifer$/ }, () => ({ path: url, external: true }));
    },
  };
}

function toError(entry: string, cause: unknown, root: string | undefined): ConiferError {
  const show = (path: string) => (root === undefined ? resolve(path) : relative(root, resolve(path)));
  const messages = hasErrors(cause) ? cause.errors : [];
  if (messages.length === 0)
    return new ConiferError("BAD_APP_FILE", { file: show(entry), problem: messageOf(cause) }, { cause });
  const [first, ...others] = messages.map((message) => ({
    file: message.location
      ? `${show(message.location.file)}:${message.location.line}:${message.location.column + 1}`
      : show(entry),
    problem: message.text,
  }));
  const more = others.map(({ file, problem }) => `\n${file}: ${problem}`).join("");
  return new ConiferError("BAD_APP_FILE", { file: first?.file, problem: `${first?.problem}${more}` }, { cause });
}

function hasErrors(cause: unknown): cause is { errors: Message[] } {
  return cause instanceof Error && "errors" in cause && Array.isArray(cause.errors);
}

async function writeWhole(file: string, content: Uint8Array): Promise<void> {
  const fresh = `${file}.${randomBytes(4).toString("hex")}`;
  try {
    await writeFile(fresh, content);
    await rename(fresh, file);
  } finally {
    await rm(fresh, { force: true });
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
