import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadAppFiles } from "./load.ts";

let directory = "";
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "conifer-apps-"));
  await mkdir(join(directory, "apps/parts"), { recursive: true });
});
afterEach(() => rm(directory, { recursive: true }));

const write = (name: string, text: string) => writeFile(join(directory, "apps", name), text);
async function load() {
  const { apps, problems } = await loadAppFiles(directory);
  return { apps, problems: problems.flatMap((problem) => problem.message.split("\n")) };
}
const DEFINE = "const defineApp = (app: object) => ({ ...app, coniferApp: true });\n";

describe("loading the app files of a site", () => {
  it("reads YAML apps, with parameters from the command and sizes as people write them", async () => {
    await write(
      "melt.yml",
      "name: melt\ncommand: lmp -v t {{t}}\nlimitSec: 2h\nresources: { memoryPerNodeBytes: 2GiB, wallTimeMin: 90s }\n",
    );
    const { apps, problems } = await load();
    expect(problems).toEqual([]);
    expect(apps).toMatchObject([
      {
        name: "melt",
        file: "apps/melt.yml",
        code: null,
        definition: {
          parameters: { t: { type: "any" } },
          limitSec: 7200,
          resources: { memoryPerNodeBytes: 2 ** 31, wallTimeMin: 1.5 },
          hooks: [],
        },
      },
    ]);
  });

  it("reads apps that TypeScript modules export, with the hooks each has", async () => {
    await write("parts/shared.ts", "export const command: string = 'echo {{x}}';");
    await write(
      "two.ts",
      `${DEFINE}import { command } from "./parts/shared.ts";
export const one = defineApp({ name: "one", command, hooks: { async postprocess(context) { context.log("done"); } } });
export const two = defineApp({ name: "two", command: "true" });
export const notAnApp = 5;
`,
    );
    const { apps, problems } = await load();
    expect(problems).toEqual([]);
    expect(apps).toMatchObject([
      { name: "one", code: { exportName: "one" }, definition: { hooks: ["postprocess"], parameters: { x: {} } } },
      { name: "two", code: { exportName: "two" }, definition: { hooks: [] } },
    ]);
  });

  it("tells file and line of every problem and still loads the good files", async () => {
    await write("a.yml", "name: a\ncomand: true\nresources:\n  nodes: many\n");
    await write("b.yml", "name: b\n\ncommand: echo {{x\n");
    await write("c.ts", `export const c = 1;\nnull.x;\n`);
    await write(
      "d.ts",
      `${DEFINE}export const d = defineApp({\n  name: "d",\n  command: "x",\n  resources: {\n    nodes: 0,\n  },\n});`,
    );
    await write(
      "e.ts",
      `${DEFINE}export const e = defineApp({ name: "e", command: "x",\n  hooks: { preproces() {} } });`,
    );
    await write("f.ts", "export const f = ;");
    await write("g.ts", "export const g = 1;");
    await write("ok.yml", "name: ok\ncommand: 'true'\n");
    await write("ok2.yml", "name: ok\ncommand: 'true'\n");
    const { apps, problems } = await load();
    expect(apps.map(({ name }) => name)).toEqual(["ok"]);
    expect(problems).toEqual([
      "apps/a.yml:1: command: expected string, received undefined",
      "apps/a.yml:2: there is no comand; did you mean command?",
      "apps/a.yml:4: resources.nodes: expected number, received string",
      "apps/b.yml:3: {{ without its other half",
      "apps/c.ts:2: Cannot read properties of null (reading 'x')",
      "apps/d.ts:6: resources.nodes: Too small: expected number to be >=1",
      "apps/e.ts:3: hooks.preproces is not a hook; hooks are preprocess, postprocess, onError and onTimeout, each a function",
      'apps/f.ts:1:18: Unexpected ";"',
      "apps/g.ts: it exports no app; write `export const NAME = defineApp({ … })`, or move it to a folder in apps/",
      "apps/ok2.yml: app ok is defined in apps/ok.yml already",
    ]);
  });
});
