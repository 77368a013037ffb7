import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isConiferError } from "../../model/errors.ts";
import { bundleModule } from "./bundle.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "conifer-bundle-"));
  await mkdir(join(directory, "apps"));
});
afterEach(() => rm(directory, { recursive: true }));

const bundle = (name: string) =>
  bundleModule(join(directory, "apps", name), {
    directory: join(directory, "bundles"),
    coniferUrl: pathToFileURL(join(directory, "library.mjs")).href,
  });

describe("bundling a module", () => {
  it("puts it and what it imports in one file named by its content", async () => {
    await writeFile(join(directory, "apps/part.ts"), "export const part: number = 20;");
    await writeFile(join(directory, "apps/a.ts"), 'import { part } from "./part.ts"; export const sum = part + 1;');
    const first = await bundle("a.ts");
    expect(first.inputs.map((path) => path.slice(directory.length))).toEqual(["/apps/part.ts", "/apps/a.ts"]);
    expect(await import(first.file)).toMatchObject({ sum: 21 });
    expect((await bundle("a.ts")).hash).toBe(first.hash);
    await writeFile(join(directory, "apps/part.ts"), "export const part: number = 30;");
    const second = await bundle("a.ts");
    expect(second.hash).not.toBe(first.hash);
    expect((await readdir(join(directory, "bundles"))).sort()).toEqual(
      [`${first.hash}.mjs`, `${second.hash}.mjs`].sort(),
    );
  });

  it("leads imports of conifer to the library that runs", async () => {
    await writeFile(join(directory, "library.mjs"), "export const word = 'found';");
    await writeFile(join(directory, "apps/b.ts"), 'export { word } from "conifer";');
    expect(await import((await bundle("b.ts")).file)).toMatchObject({ word: "found" });
  });

  it("tells every problem with its file, line and column", async () => {
    await writeFile(join(directory, "apps/c.ts"), 'import "./nowhere.ts";\nimport "no-such-package";\n');
    const error = await bundle("c.ts").catch((thrown: unknown) => thrown);
    expect(isConiferError(error) && error.message.split("\n")).toEqual([
      `${directory}/apps/c.ts:1:8: Could not resolve "./nowhere.ts"`,
      `${directory}/apps/c.ts:2:8: Could not resolve "no-such-package"`,
    ]);
    await writeFile(join(directory, "apps/d.ts"), "export const a = ;\n");
    await expect(bundle("d.ts")).rejects.toThrow(/apps\/d\.ts:1:18: Unexpected ";"/);
  });
});
