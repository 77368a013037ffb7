import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { findTransition, judge, parseRun, type Run } from "./melting.mjs";

/** A run on straight lines like those LAMMPS gives at unit pressure: energy jumps by 1 and volume by 0.15 on melting. */
function makeRun(temperature: number, melted: boolean, seed = 1): Run {
  const potentialEnergy = -8.5 + 2.6 * temperature + (melted ? 1 : 0);
  const volume = 0.8 + 0.33 * temperature + (melted ? 0.15 : 0);
  return {
    temperature,
    pressure: 1,
    seed,
    atoms: 500,
    meanTemperature: temperature,
    meanPressure: 1,
    density: 1 / volume,
    potentialEnergy,
    meanSquaredDisplacement: melted ? 9 : 0.05,
  };
}

const sweep = (melting: number) => [0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1].map((t) => judge(makeRun(t, t > melting)));

describe("a run", () => {
  it("is a liquid once its atoms have moved past their neighbours, and its Lindemann ratio is that of an fcc crystal", () => {
    const crystal = judge({ ...makeRun(0.7, false), density: Math.SQRT2, meanSquaredDisplacement: 0.02 });
    expect(crystal.melted).toBe(false);
    expect(crystal.lindemann).toBeCloseTo(0.1, 12);
    expect(judge(makeRun(0.9, true)).melted).toBe(true);
  });

  it("is refused with the file's name when it is no result of melt.in", () => {
    const whole = makeRun(0.7, false);
    expect(parseRun(JSON.stringify(whole), "a.json")).toEqual(whole);
    expect(() => parseRun("", "a.json")).toThrow("a.json: not a result of melt.in: it is not JSON");
    expect(() => parseRun("null", "a.json")).toThrow("a.json: not a result of melt.in: temperature is not a number");
    expect(() => parseRun(JSON.stringify({ ...whole, density: "1" }), "a.json")).toThrow("density is not a number");
    expect(() => parseRun(JSON.stringify({ ...whole, density: -1 }), "a.json")).toThrow("must be positive");
  });
});

describe("the transition", () => {
  it("lies between the hottest crystal and the coolest liquid, with the jumps in energy and enthalpy", () => {
    const transition = findTransition(sweep(0.86));
    expect(transition?.temperature).toBeCloseTo(0.875, 12);
    expect(transition?.uncertainty).toBeCloseTo(0.025, 12);
    expect(transition?.energyJump).toBeCloseTo(1, 10);
    expect(transition?.volumeJump).toBeCloseTo(0.15, 10);
    expect(transition?.heatOfFusion).toBeCloseTo(1.15, 10);
  });

  it("spans the temperatures at which some seeds melted and some did not", () => {
    const mixed = [...sweep(0.82), judge(makeRun(0.85, false, 2)), judge(makeRun(0.8, true, 2))];
    const transition = findTransition(mixed);
    expect(transition?.temperature).toBeCloseTo(0.825, 12);
    expect(transition?.uncertainty).toBeCloseTo(0.025, 12);
  });

  it("is not claimed when every run ended in one phase", () => {
    expect(findTransition(sweep(0.1))).toBeUndefined();
    expect(findTransition(sweep(2))).toBeUndefined();
    expect(findTransition([])).toBeUndefined();
  });

  it("does not depend on the order of the runs", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(sweep(0.86), { minLength: 8 }), (runs) => {
        expect(findTransition(runs)).toEqual(findTransition(sweep(0.86)));
      }),
    );
  });
});

describe("analyse.mjs", () => {
  const work = mkdtempSync(join(tmpdir(), "melting-"));
  const program = fileURLToPath(new URL("analyse.mjs", import.meta.url));
  const run = (...options: string[]) => spawnSync(program, options, { cwd: work, encoding: "utf8", timeout: 30_000 });
  const write = (name: string, content: Run) => {
    mkdirSync(join(work, "jobs", name), { recursive: true });
    writeFileSync(join(work, "jobs", name, "result.json"), JSON.stringify(content));
  };

  beforeEach(() => rmSync(join(work, "jobs"), { recursive: true, force: true }));
  afterAll(() => rmSync(work, { recursive: true }));

  it("gathers the runs of all jobs into a table, a result and a figure", () => {
    for (const t of [0.6, 0.7, 0.8, 0.9, 1]) write(`melt_${t}`, makeRun(t, t > 0.85));
    const { status, stdout } = run("--out", "results", "jobs/*/result.json");
    expect(status).toBe(0);
    expect(stdout).toContain("melts at T* = 0.850 +- 0.050, heat of fusion 1.15 epsilon per atom");
    const { transition, runs } = JSON.parse(readFileSync(join(work, "results/results.json"), "utf8"));
    expect(transition.temperature).toBeCloseTo(0.85, 12);
    expect(runs.map(({ melted }: { melted: boolean }) => melted)).toEqual([false, false, false, true, true]);
    const svg = readFileSync(join(work, "results/melting-curve.svg"), "utf8");
    expect(svg).toContain("melts at 0.85 ± 0.05");
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("draws a sweep, or a single run, that never melts and says so", () => {
    write("melt_1", makeRun(0.7, false));
    const { status, stdout } = run("--out", "results", "jobs/*/result.json");
    expect(status).toBe(0);
    expect(stdout).toContain("no transition: every run ended crystalline");
    expect(JSON.parse(readFileSync(join(work, "results/results.json"), "utf8")).transition).toBeNull();
    expect(readFileSync(join(work, "results/melting-curve.svg"), "utf8")).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("refuses runs at different pressures, files that are missing, and no files", () => {
    write("a", makeRun(0.7, false));
    write("b", { ...makeRun(0.9, true), pressure: 0 });
    expect(run("--out", "r", "jobs/*/result.json")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("different pressures: 1, 0"),
    });
    expect(run("--out", "r", "none")).toMatchObject({ status: 1, stderr: "analyse.mjs: no files match none\n" });
    expect(run("--out", "r")).toMatchObject({ status: 2, stderr: expect.stringContaining("no result files given") });
  });
});
