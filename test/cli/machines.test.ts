import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CliLab, openCliLab } from "./lab.ts";

let lab: CliLab;
beforeAll(async () => {
  lab = openCliLab();
  await lab.out("server", "start");
});
afterAll(() => lab[Symbol.asyncDispose]());

const settingsOf = (site: string) => readFileSync(join(lab.home, site, "settings.yml"), "utf8");
/** A PATH with nothing but these commands. */
function commands(...names: string[]): string {
  const directory = join(lab.home, `bin-${names.join("-")}`);
  mkdirSync(directory, { recursive: true });
  for (const name of names) writeFileSync(join(directory, name), "#!/bin/sh\n", { mode: 0o755 });
  return directory;
}

test("a site is made for the machine that is named", async () => {
  const made = await lab.run(["site", "init", "one", "--machine", "perlmutter-gpu"]);
  expect(made).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("settings are those of machine perlmutter-gpu"),
  });
  expect(made.stderr).toContain("look at: scheduler.project is your project's GPU account");
  expect(settingsOf("one")).toMatch(
    /^ {2}options: \{ qos: debug, constraint: gpu, gpusPerNode: 4, exclusive: true \}$/m,
  );
});

test("a site is made for the machine that it is taken for, and that is said", async () => {
  const env = { CONIFER_MACHINE: "", PATH: commands("sbatch", "squeue") };
  const made = await lab.run(["site", "init", "two", "--json"], { env });
  expect(JSON.parse(made.stdout)).toMatchObject({ name: "two", machine: "slurm" });
  const nersc = await lab.run(["site", "init", "three"], { env: { ...env, NERSC_HOST: "perlmutter" } });
  expect(nersc.stderr).toContain(
    "settings are those of machine perlmutter-cpu (there are also perlmutter-gpu), taken by NERSC_HOST=perlmutter",
  );
  const plain = await lab.run(["site", "init", "four", "--json"], { env: { ...env, PATH: commands() } });
  expect(JSON.parse(plain.stdout)).toMatchObject({ machine: null });
  expect(settingsOf("four")).toContain("  # kind: local");
});

test("an unknown machine is an error that lists those there are, and nothing is made", async () => {
  const refused = await lab.run(["site", "init", "five", "--machine", "forntier"]);
  expect(refused.code).toBe(3);
  expect(refused.stderr).toMatch(/There is no preset forntier; did you mean frontier\? there are aurora, /);
  expect(() => settingsOf("five")).toThrow("ENOENT");
});

test("the machines are listed with where their facts are from", async () => {
  const { items } = await lab.json<{ items: Record<string, unknown>[] }>("site", "machines");
  expect(items.find(({ name }) => name === "summit")).toMatchObject({
    retired: "2024-11",
    source: expect.stringMatching(/^https:/),
    settings: { "scheduler.kind": "lsf", "scheduler.node.cores": 42, "pilot.mpi": "jsrun" },
  });
  expect(await lab.out("site", "machines")).toMatch(/^polaris +pbs +32 +4 +2024-01 /m);
});
