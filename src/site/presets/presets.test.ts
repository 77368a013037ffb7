import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { batchSettings } from "../../platform/schedulers/batch/settings.ts";
import { openBatchScheduler, schedulerOptions } from "../../platform/schedulers/open-scheduler.ts";
import { parseSettings } from "../settings/read-settings.ts";
import { sampleSettings } from "../settings/sample.ts";
import { guessMachine } from "./guess.ts";
import { findPreset, isGeneric, listPresets } from "./list.ts";
import { parsePreset } from "./preset.ts";

const presets = await listPresets();
const sampled = (name: string) => {
  const preset = presets.find((one) => one.name === name);
  if (preset === undefined) throw new Error(`there is no ${name}`);
  return parseSettings(sampleSettings({ name: "mine", preset }), "settings.yml");
};
const contentOf = (name: string): Record<string, unknown> =>
  parse(readFileSync(fileURLToPath(new URL(`../../../presets/${name}.yml`, import.meta.url)), "utf8"));

describe("presets", () => {
  it("[B57] are files alone, one for each machine and each kind of scheduler", () => {
    const names = presets.map(({ name }) => name);
    expect(names.filter((_, index) => !isGeneric(presets[index] ?? presets[0] ?? never()))).toEqual([
      "aurora",
      "cori-haswell",
      "cori-knl",
      "frontier",
      "perlmutter-cpu",
      "perlmutter-gpu",
      "polaris",
      "summit",
      "theta",
    ]);
    expect(names.slice(9)).toEqual(["cobalt", "flux", "laptop", "lsf", "pbs", "sge", "slurm"]);
  });

  it.each(presets.map(({ name }) => name))("%s becomes a settings.yml that says the same", (name) => {
    const { machine: _, ...content } = contentOf(name);
    expect(sampled(name)).toEqual(parseSettings(JSON.stringify({ ...content, name: "mine" }), "preset"));
  });

  it.each(presets.map(({ name }) => name))(
    "%s gives only options that its scheduler has, and makes a script",
    async (name) => {
      const { scheduler } = sampled(name);
      if (scheduler.kind === "local") return expect(scheduler.options).toEqual({});
      const read = schedulerOptions(scheduler.kind).safeParse(scheduler.options);
      expect(read.error?.issues ?? []).toEqual([]);
      const settings = batchSettings.strip().parse(scheduler);
      await expect(
        openBatchScheduler(scheduler.kind, { owner: "me", settings }).checkTemplate(),
      ).resolves.toBeUndefined();
    },
  );

  it("of a machine tell the cores of its nodes, what starts ranks there and what is still to be said", () => {
    for (const preset of presets.filter((one) => !isGeneric(one))) {
      const { scheduler, pilot } = sampled(preset.name);
      expect(scheduler.node.cores, preset.name).not.toBeNull();
      expect(pilot.mpi, preset.name).not.toBe("auto");
      expect(preset.machine.check.join(), preset.name).toContain("scheduler.project");
    }
  });

  it("keep their comments and queues in the settings that they become", () => {
    const text = sampleSettings({ preset: presets.find(({ name }) => name === "polaris") ?? never() });
    expect(text).toContain("#   debug-scaling: 1-10 nodes, 1h (one job per user)");
    expect(text).toContain("# (polaris) Whole nodes are given out, so only the system is selected.");
    expect(text).toContain("# (polaris) its mpiexec is that of Cray's PALS\n  mpi: pals");
    expect(text).toContain("  # syncSec: 10");
  });

  it("that do not read say in which line", () => {
    const text = "machine: { title: a, source: b, asOf: 2026-01 }\nscheduler:\n  kind: moab\n";
    expect(() => parsePreset(text, { name: "a", file: "a.yml" })).toThrow(/^a\.yml:3: scheduler\.kind/);
  });

  it("of an unknown name are an error that lists them", async () => {
    await expect(findPreset("polari")).rejects.toMatchObject({
      code: "UNKNOWN_MACHINE",
      message: expect.stringMatching(/did you mean polaris\? there are aurora, .*slurm$/),
    });
    expect((await findPreset("Frontier")).name).toBe("frontier");
  });
});

describe("guessing the machine", () => {
  const guess = (hostname: string, environment = {}, commands: string[] = []) => {
    const found = guessMachine(presets, { hostname, environment, hasCommand: (name) => commands.includes(name) });
    return found && `${found.preset.name}: ${found.because}`;
  };

  it("goes by the host name, then by what login shells have, then by the scheduler", () => {
    expect(guess("polaris-login-02", {}, ["qsub", "qselect", "pbsnodes"])).toBe(
      "polaris: the host name polaris-login-02",
    );
    expect(guess("aurora-uan-0010.hostmgmt.cm.aurora.alcf.anl.gov")).toContain("aurora: ");
    expect(guess("login07", { LMOD_SYSTEM_NAME: "frontier" }, ["sbatch", "squeue"])).toBe(
      "frontier: LMOD_SYSTEM_NAME=frontier",
    );
    expect(guess("login01", {}, ["sbatch", "squeue"])).toBe("slurm: sbatch, squeue on PATH");
    expect(guess("login01", {}, ["qsub", "qselect", "pbsnodes", "qstat"])).toContain("pbs: ");
    expect(guess("login01", {}, ["qsub", "qacct", "qconf", "qstat"])).toContain("sge: ");
    expect(guess("login01", {}, ["qsub"])).toBeNull();
    const both = ["qsub", "qacct", "qconf", "sbatch", "squeue"];
    const found = guessMachine(presets, { hostname: "a", environment: {}, hasCommand: (name) => both.includes(name) });
    expect([found?.preset.name, found?.others]).toEqual(["sge", ["slurm"]]);
    expect(guess("my-polaris-login-1")).toBeNull();
  });

  it("names the presets for other nodes of the same machine", () => {
    const found = guessMachine(presets, {
      hostname: "login12",
      environment: { NERSC_HOST: "perlmutter" },
      hasCommand: () => true,
    });
    expect([found?.preset.name, found?.others]).toEqual(["perlmutter-cpu", ["perlmutter-gpu"]]);
  });
});

function never(): never {
  throw new Error("it is not there");
}
