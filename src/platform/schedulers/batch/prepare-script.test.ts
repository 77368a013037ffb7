import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BATCH_KINDS, openBatchScheduler } from "../open-scheduler.ts";
import type { AllocationRequest } from "../scheduler.ts";
import { slurm } from "../slurm/slurm.ts";
import type { Dialect } from "./dialect.ts";
import { prepareScript } from "./prepare-script.ts";
import { batchSettings } from "./settings.ts";

const dialect = slurm as unknown as Dialect<object>;
const prepare = (change: Partial<AllocationRequest>, settings: Parameters<typeof batchSettings.parse>[0] = {}) =>
  prepareScript(
    {
      key: "1",
      name: "",
      command: ["true"],
      environment: {},
      directory: "/d",
      output: "/d/out",
      nodes: 1,
      wallTimeMin: 10,
      queue: "",
      project: "",
      options: {},
      ...change,
    },
    { dialect, settings: batchSettings.parse(settings), jobName: "o.1", queues: [] },
  );
const directives = (text: string) => text.split("\n").filter((line) => line.startsWith("#SBATCH"));
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.stringMatching(/^[a-z]{1,5}[ \n\t$`'"\\;#=-]{1,3}[a-zA-Z#/-]{0,8}$/),
);

describe("a submit script", () => {
  it("never gets a directive or a word from a value: it is refused, or it stays one word", async () => {
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.constantFrom("queue", "project", "qos", "constraint", "nodeList"),
        async (value, where) => {
          const change =
            where === "queue" || where === "project" ? { [where]: value } : { options: { [where]: value } };
          const prepared = await prepare(change);
          if ("refusal" in prepared) return;
          const added = directives(prepared.text).filter(
            (line) => line.includes("=") && !/--(nodes|ntasks|time)/.test(line),
          );
          expect(added.length).toBeLessThanOrEqual(1);
          for (const line of added) expect(line).toMatch(/^#SBATCH --[a-z]+=[^\s'"`\\$;#]+$/);
        },
      ),
    );
  });

  it("hands command and variables to the pilot exactly as they are", async () => {
    const plain = fc.string({ unit: "binary", maxLength: 30 }).filter((value) => !value.includes("\0"));
    await fc.assert(
      fc.asyncProperty(fc.array(plain, { maxLength: 4 }), plain, async (values, variable) => {
        const show = `[...process.argv.slice(1), process.env.VALUE].map((v) => process.stdout.write(v + "\\0"))`;
        const command = [process.execPath, "-e", show, "--", ...values];
        const prepared = await prepare({ command, environment: { VALUE: variable } });
        if ("refusal" in prepared) throw new Error(prepared.refusal);
        const shown = execFileSync("bash", ["-s"], { input: prepared.text, encoding: "utf8" });
        expect(shown.split("\0").slice(0, -1)).toEqual([...values, variable]);
      }),
      { numRuns: 20 },
    );
  });

  it("holds the site's own lines as they are, and none that would be two", async () => {
    const prepared = await prepare({}, { extra: ['--mail-type="END"'], preamble: "module load a\nmodule load b\n\n" });
    expect(prepared).toMatchObject({
      text: expect.stringContaining('#SBATCH --mail-type="END"\n\nmodule load a\nmodule load b\n'),
    });
    expect(() => batchSettings.parse({ extra: ["--a\n#SBATCH --b"] })).toThrow(/one line/);
  });

  it.each(BATCH_KINDS)("can be made by the built-in template of %s", async (kind) => {
    const scheduler = openBatchScheduler(kind, { owner: "o", settings: {} });
    await expect(scheduler.checkTemplate()).resolves.toBeUndefined();
  });
});
