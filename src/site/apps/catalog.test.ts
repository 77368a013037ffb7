import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppCatalog } from "./catalog.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "conifer-catalog-"));
  await mkdir(join(directory, "apps/parts"), { recursive: true });
  await mkdir(join(directory, "run"));
});
afterEach(() => rm(directory, { recursive: true }));

const write = (name: string, text: string) => writeFile(join(directory, "apps", name), text);
const app = (name: string, extra = "") =>
  `${extra}export const app = { coniferApp: true, name: "${name}", command: "true", hooks: { preprocess() {} } };`;
const POLL = { timeout: 10_000 };

describe("the catalog of a site's apps", () => {
  it("follows changes of files, also of those that are imported", async () => {
    await write("parts/name.ts", 'export const name = "first";');
    await write(
      "a.ts",
      'import { name } from "./parts/name.ts"; export const app = { coniferApp: true, name, command: "true" };',
    );
    const catalog = new AppCatalog(directory, () => undefined);
    expect((await catalog.apps()).map(({ name }) => name)).toEqual(["first"]);
    await write("parts/name.ts", 'export const name = "second-name";');
    await expect.poll(async () => (await catalog.apps()).map(({ name }) => name), POLL).toEqual(["second-name"]);
  });

  it("keeps an app whose file does not read just now as it was, over a restart too, and tells the problem", async () => {
    await write("a.ts", app("kept"));
    const code = await new AppCatalog(directory, () => undefined).hookCode("kept");
    expect(code).toMatchObject({ exportName: "app" });
    await write("a.ts", app("kept", "}"));
    const problems: string[] = [];
    const later = new AppCatalog(directory, (now) => problems.push(...now));
    expect(await later.hookCode("kept")).toEqual(code);
    expect(problems).toEqual([expect.stringMatching(/^apps\/a\.ts:1:1: /)]);
    await rename(join(directory, "apps"), join(directory, "apps.away"));
    await expect.poll(() => later.apps().catch((error: Error) => error.message), POLL).toContain("ENOENT");
    expect(await later.hookCode("kept")).toEqual(code);
  });

  it("says of an app without hooks here what keeps it from having some", async () => {
    await write("b.yml", "name: b\n");
    const catalog = new AppCatalog(directory, () => undefined);
    expect(await catalog.hookCode("toString")).toEqual({
      problem:
        "no file in apps/ exports app toString with hooks; apps/b.yml:1: command: expected string, received undefined",
    });
  });
});
