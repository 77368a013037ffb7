import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { readAppDefinition } from "../../src/app/definition.ts";
import { Installation } from "../setup/installation.ts";

const folder = fileURLToPath(new URL("../../examples/lammps", import.meta.url));
const app = (name: string) => readAppDefinition(parse(readFileSync(join(folder, `apps/${name}.yml`), "utf8")), name);

test("a temperature sweep of two-rank LAMMPS jobs ends in a melting curve", async () => {
  await using lab = await Installation.open({ apps: [app("melt"), app("melting-curve")] });
  await lab.startAgent();
  const campaign = spawnSync(
    process.execPath,
    [
      join(folder, "campaign.mjs"),
      "--site",
      "here",
      "--steps",
      "2500",
      "--temperatures",
      "0.6,0.7,0.8,0.86,0.92,1.0,1.1",
    ],
    { encoding: "utf8", env: { ...process.env, CONIFER_HOME: join(lab.directory, "home") } },
  );
  expect(campaign.stderr).toBe("");
  expect(campaign.stdout).toContain("created 8 jobs");
  await lab.submit({ nodes: 1, wallTimeMin: 20 });

  const jobs = await lab.untilAllEnded(280_000);
  expect(jobs.map(({ state, reason }) => `${state} ${reason}`)).toEqual(
    jobs.map(() => expect.stringMatching(/^JOB_FINISHED/)),
  );
  const curve = jobs.find((job) => job.app === "melting-curve");
  const { runs } = JSON.parse(lab.read(`data/${curve?.workdir}/results.json`));
  const melted = new Map<number, boolean>(
    runs.map((run: { temperature: number; melted: boolean }) => [run.temperature, run.melted]),
  );
  expect(melted.get(0.6)).toBe(false);
  expect(melted.get(1.1)).toBe(true);
  expect(lab.read(`data/${curve?.workdir}/melting-curve.svg`)).toContain("<svg");
});
