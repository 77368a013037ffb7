import { access, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { removeFiles } from "./remove-files.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "conifer-clean-"));
});
afterEach(() => rm(root, { recursive: true }));

async function make(...paths: string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), "");
  }
}
const isThere = (path: string) =>
  access(join(root, path)).then(
    () => true,
    () => false,
  );
const clean = (workdir: string, ...globs: string[]) => removeFiles(join(root, "data"), workdir, globs);

describe("cleaning a workdir", () => {
  it("removes what the globs name, directories with all that is in them, and leaves the rest", async () => {
    await make("data/a/1/keep.txt", "data/a/1/x.tmp", "data/a/1/deep/y.tmp", "data/a/1/scratch/z", "data/a/2/x.tmp");
    expect(await clean("a/1", "*.tmp", "deep/**/*.tmp", "scratch", "not-there")).toBe(3);
    expect(await isThere("data/a/1/keep.txt")).toBe(true);
    expect(await isThere("data/a/1/deep")).toBe(true);
    expect(await isThere("data/a/2/x.tmp")).toBe(true);
    for (const gone of ["x.tmp", "deep/y.tmp", "scratch"]) expect(await isThere(`data/a/1/${gone}`)).toBe(false);
  });

  it("follows no symbolic link out of the workdir: a link goes itself, a path through one is left alone", async () => {
    await make("data/a/1/x.tmp", "outside/precious.tmp", "data/b/precious.tmp");
    await symlink(join(root, "outside"), join(root, "data/a/1/link"));
    await symlink(join(root, "outside/precious.tmp"), join(root, "data/a/1/file.tmp"));
    expect(await clean("a/1", "link/*.tmp", "link/precious.tmp", "*.tmp", "**/precious.tmp")).toBe(2);
    expect(await isThere("outside/precious.tmp")).toBe(true);
    expect(await isThere("data/a/1/file.tmp")).toBe(false);
    expect(await clean("a/1", "link")).toBe(1);
    expect(await isThere("outside/precious.tmp")).toBe(true);
  });

  it("does nothing in a workdir that is a link to elsewhere, is not there, or is the data directory itself", async () => {
    await make("outside/x.tmp", "data/x.tmp");
    await symlink(join(root, "outside"), join(root, "data/gone"));
    expect(await clean("gone", "*.tmp")).toBe(0);
    expect(await clean("never", "*.tmp")).toBe(0);
    expect(await clean(".", "*.tmp")).toBe(0);
    expect(await isThere("outside/x.tmp")).toBe(true);
    expect(await isThere("data/x.tmp")).toBe(true);
  });

  it("refuses a glob that leaves the workdir", async () => {
    await make("data/a/1/x", "data/a/2/x");
    await expect(clean("a/1", "../2/x")).rejects.toMatchObject({ code: "UNSAFE_PATH" });
    expect(await isThere("data/a/2/x")).toBe(true);
  });
});
