import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const folder = fileURLToPath(new URL(".", import.meta.url));
const work = mkdtempSync(join(tmpdir(), "event-generation-"));

function run(program: string, ...options: string[]) {
  const { status, stdout, stderr } = spawnSync(join(folder, `${program}.mjs`), options, {
    cwd: work,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

function read(path: string) {
  return readFileSync(join(work, path), "utf8");
}

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

beforeAll(() => {
  expect(run("integrate", "--out", "grid.json", "--seed", "1").status).toBe(0);
  for (const seed of SEEDS) {
    const out = `jobs/${seed}/weighted.jsonl`;
    expect(run("generate", "--grid", "grid.json", "--seed", `${seed}`, "--events", "3000", "--out", out).status).toBe(
      0,
    );
    const unweight = run("unweight", "--in", out, "--seed", `${seed}`, "--out", `jobs/${seed}/events.jsonl`);
    expect(unweight.stdout).toMatch(/efficiency 5\d\.\d\d %, over-weight 0\.\d\d %/);
  }
});

afterAll(() => rmSync(work, { recursive: true }));

describe("the campaign", () => {
  it("finds the cross section, the asymmetries and the spectra that theory says, within 5 standard deviations", () => {
    const merge = run("merge", "--out", "results", "jobs/*/events.jsonl");
    expect(merge.stderr).toBe("");
    expect(merge.stdout).toContain("8 files, 24000 weighted events");
    const results = JSON.parse(read("results/results.json"));
    expect(results.crossSection.exact).toBeCloseTo(0.1965365, 6);
    expect(results.crossSection.error / results.crossSection.value).toBeLessThan(0.003);
    for (const { pull } of [results.crossSection, results.asymmetry, ...results.asymmetryBands]) {
      expect(Math.abs(pull)).toBeLessThan(5);
    }
    for (const { agreement } of Object.values<{ agreement: { probability: number } }>(results.spectra)) {
      expect(agreement.probability).toBeGreaterThan(1e-5);
    }
    expect(results.filesAgree.probability).toBeGreaterThan(1e-5);
    expect(read("results/histogram.svg")).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
  });

  it("gives the same bytes for the same seeds", () => {
    run("integrate", "--out", "again.json", "--seed", "1");
    expect(read("again.json")).toBe(read("grid.json"));
    run("generate", "--grid", "grid.json", "--seed", "3", "--events", "3000", "--out", "again.jsonl");
    expect(read("again.jsonl")).toBe(read("jobs/3/weighted.jsonl"));
    run("unweight", "--in", "again.jsonl", "--seed", "3", "--out", "again-unweighted.jsonl");
    expect(read("again-unweighted.jsonl")).toBe(read("jobs/3/events.jsonl"));
  });

  it("carries the sums of the weighted events over to the unweighted ones", () => {
    const header = (path: string) => JSON.parse(read(path).split("\n", 1)[0] ?? "");
    const [weighted, unweighted] = [header("jobs/1/weighted.jsonl"), header("jobs/1/events.jsonl")];
    expect(weighted.weights.n).toBe(3000);
    expect(unweighted.weights).toEqual(weighted.weights);
    expect(unweighted.events).toBe(read("jobs/1/events.jsonl").trimEnd().split("\n").length - 1);
  });

  it("measures the cross section at one energy too", () => {
    expect(run("integrate", "--out", "pole.json", "--sqrt-s", "91.188").stdout).toContain("91.188 GeV");
    run("generate", "--grid", "pole.json", "--seed", "1", "--events", "3000", "--out", "pole.jsonl");
    expect(run("merge", "--out", "pole", "pole.jsonl").status).toBe(0);
    const { crossSection, spectra } = JSON.parse(read("pole/results.json"));
    expect(crossSection.value).toBeCloseTo(1.982, 2);
    expect(Math.abs(crossSection.pull)).toBeLessThan(5);
    expect(spectra.mass).toBeUndefined();
  });
});

describe("merge", () => {
  it("takes paths, folders and patterns, each file once", () => {
    run("generate", "--grid", "grid.json", "--seed", "50", "--events", "200", "--out", "many/a.jsonl");
    run("generate", "--grid", "grid.json", "--seed", "51", "--events", "200", "--out", "many/b.jsonl");
    writeFileSync(join(work, "many/notes.txt"), "not events");
    const all = [
      run("merge", "--out", "m", "many"),
      run("merge", "--out", "m", "many/?.jsonl", "many/a.jsonl", "./many"),
    ];
    for (const { stdout } of all) expect(stdout).toContain("2 files, 400 weighted events");
  });

  it("refuses a file that was cut short, one that is no event file, and the same seed twice", () => {
    const whole = read("jobs/1/events.jsonl");
    writeFileSync(join(work, "cut.jsonl"), whole.slice(0, whole.length / 2));
    writeFileSync(join(work, "bad-line.jsonl"), whole.replace(/\n\[[^\]]*\]/, "\n[1,2,null,4]"));
    expect(run("merge", "--out", "x", "cut.jsonl").stderr).toMatch(
      /^merge\.mjs: cut\.jsonl: cut short or damaged: expected \d+ events/,
    );
    expect(run("merge", "--out", "x", "bad-line.jsonl").stderr).toContain("bad-line.jsonl: line 2: expected [mass,");
    expect(run("merge", "--out", "x", "grid.json").stderr).toMatch(/grid\.json: (line 1: not JSON|not an event file)/);
    expect(run("merge", "--out", "x", "jobs/1/events.jsonl", "jobs/1/../1/events.jsonl").stdout).toContain("1 files");
    writeFileSync(join(work, "copy.jsonl"), whole);
    expect(run("merge", "--out", "x", "jobs/1/events.jsonl", "copy.jsonl").stderr).toContain("same seed 1");
  });
});

describe("bad input", () => {
  const cases: [string, string[], RegExp, number][] = [
    ["integrate", [], /--out is missing/, 2],
    ["integrate", ["--out", "g", "--min-energy", "110", "--max-energy", "70"], /the scan must rise/, 2],
    ["integrate", ["--out", "g", "--sqrt-s", "90", "--max-energy", "95"], /give either --sqrt-s or/, 2],
    ["integrate", ["--out", "g", "--sqrt-s", "0x50"], /--sqrt-s wants a number from 1 to 1000, got '0x50'/, 2],
    ["integrate", ["--out", "g", "--calls", "1.5e3.2"], /--calls wants a number/, 2],
    ["integrate", ["--out", "g", "stray"], /unexpected argument 'stray'/, 2],
    ["integrate", ["--out", "grid.json/below.json"], /cannot write grid\.json\/below\.json: /, 1],
    ["generate", ["--grid", "grid.json", "--seed", "1", "--out", "o"], /--events is missing/, 2],
    [
      "generate",
      ["--grid", "grid.json", "--seed", "1", "--events", "2.5", "--out", "o"],
      /--events wants a whole number/,
      2,
    ],
    [
      "generate",
      ["--grid", "grid.json", "--seed=-1", "--events", "2", "--out", "o"],
      /--seed wants a number from 0/,
      2,
    ],
    [
      "generate",
      ["--grid", "none.json", "--seed", "1", "--events", "2", "--out", "o"],
      /cannot read none\.json: no such/,
      1,
    ],
    [
      "generate",
      ["--grid", "empty.json", "--seed", "1", "--events", "2", "--out", "o"],
      /empty\.json: not a grid file/,
      1,
    ],
    [
      "generate",
      ["--grid", "tampered.json", "--seed", "1", "--events", "2", "--out", "o"],
      /axis energy do not rise/,
      1,
    ],
    ["unweight", ["--in", "jobs/1/events.jsonl", "--seed", "1", "--out", "o"], /unweighted already/, 1],
    ["unweight", ["--what"], /Unknown option '--what'/, 2],
    ["merge", ["--out", "x"], /no event files given/, 2],
    ["merge", ["--out", "x", "nothing/*.jsonl"], /no files match nothing\/\*\.jsonl/, 1],
  ];

  beforeAll(() => {
    writeFileSync(join(work, "empty.json"), "");
    const grid = JSON.parse(read("grid.json"));
    grid.axes[0].edges[1] = 0.99;
    writeFileSync(join(work, "tampered.json"), JSON.stringify(grid));
  });

  it.each(cases)("to %s %j is one clear line and a failing exit code", (program, options, message, status) => {
    const result = run(program, ...options);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).toMatch(new RegExp(`^${program}\\.mjs: `));
    expect(result.stderr.trimEnd().split("\n").length).toBe(status);
    expect(result.status).toBe(status);
    expect(existsSync(join(work, "o"))).toBe(false);
  });

  it("leaves no unfinished files behind", () => {
    expect(readdirSync(work, { recursive: true }).filter((name) => String(name).endsWith(".part"))).toEqual([]);
  });
});

describe("--help", () => {
  it.each(["integrate", "generate", "unweight", "merge"])("of %s prints its usage and succeeds", (program) => {
    const { status, stdout, stderr } = run(program, "--help");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^Usage: ${program}\\.mjs `));
  });
});
