import { describe, expect, it } from "vitest";
import { asymmetryBands, checkFiles, compareFiles, measureAsymmetry, measureCrossSection } from "./campaign.mjs";
import { chiSquareProbability } from "./chi-square.mjs";
import { compareShape, fillHistogram } from "./histogram.mjs";

const scan = { minEnergy: 70, maxEnergy: 110 };

describe("chi-square", () => {
  it("has the probabilities of the tables", () => {
    const table = [
      [3.841458820694124, 1, 0.05],
      [18.307038053275146, 10, 0.05],
      [124.34211340400407, 100, 0.05],
      [0.003932140000019522, 1, 0.95],
      [77.9294652, 100, 0.95],
    ] as const;
    for (const [chi2, dof, probability] of table) expect(chiSquareProbability(chi2, dof)).toBeCloseTo(probability, 8);
    expect(chiSquareProbability(7, 2)).toBeCloseTo(Math.exp(-3.5), 12);
  });

  it("is one when there is nothing to compare", () => {
    expect(chiSquareProbability(0, 0)).toBe(1);
  });
});

describe("a histogram", () => {
  it("counts a value at its upper end in the last bin and one outside in none", () => {
    const entries = [-0.1, 0, 0.49, 0.5, 1, 1.1].map((value) => ({ value, weight: 2 }));
    const { edges, sumW, sumW2 } = fillHistogram(entries, { from: 0, to: 1, bins: 2 });
    expect(edges).toEqual([0, 0.5, 1]);
    expect(sumW).toEqual([4, 4]);
    expect(sumW2).toEqual([8, 8]);
  });

  it("is compared by Pearson's chi-square", () => {
    const histogram = { edges: [0, 1, 2], sumW: [60, 40], sumW2: [60, 40] };
    expect(compareShape(histogram, [0.5, 0.5])).toMatchObject({ chi2: 4, dof: 1 });
  });

  it("adds up neighbouring bins where few events are expected, the last ones too", () => {
    const content = [6, 6, 100, 3, 3];
    const histogram = { edges: [0, 1, 2, 3, 4, 5], sumW: content, sumW2: content };
    const shares = content.map((value) => value / 118);
    expect(compareShape(histogram, shares).dof).toBe(1);
    expect(compareShape(histogram, shares).chi2).toBeCloseTo(0, 10);
  });
});

describe("a campaign's files", () => {
  const header = (changes: object) => ({
    path: `${JSON.stringify(changes)}.jsonl`,
    header: {
      format: "events",
      version: 1,
      kind: "unweighted",
      process: "x",
      grid: "g",
      scan,
      maxWeight: 1,
      seed: 1,
      events: 1,
      weights: { n: 1, sumW: 1, sumW2: 1, maxW: 1 },
      ...changes,
    } as const,
  });

  it("are refused when kinds or grids mix or a seed comes twice", () => {
    const first = header({ seed: 1 });
    expect(checkFiles([first, header({ seed: 2 })])).toBe(first.header);
    expect(() => checkFiles([])).toThrow("no event files");
    expect(() => checkFiles([first, header({ seed: 2, kind: "weighted" })])).toThrow("merge one kind");
    expect(() => checkFiles([first, header({ seed: 2, grid: "h" })])).toThrow("different grids");
    expect(() => checkFiles([first, header({ events: 2 })])).toThrow("same seed 1");
  });

  it("give the cross section of all their events together", () => {
    const sums = [
      { n: 2, sumW: 4, sumW2: 10, maxW: 3 },
      { n: 2, sumW: 2, sumW2: 4, maxW: 2 },
    ];
    const { value, error } = measureCrossSection(sums, scan);
    expect(value).toBe(1.5);
    expect(error).toBeCloseTo(Math.sqrt((14 / 4 - 1.5 ** 2) / 3), 14);
    expect(compareFiles(sums).chi2).toBeCloseTo(0.25 / 1 + 0.25 / 1, 14);
  });

  it("give an asymmetry with the binomial error", () => {
    const events = [0.5, 0.1, 0.9, -0.2].map((cosTheta) => ({ mass: 91, cosTheta, phi: 0, weight: 1 }));
    const { value, error } = measureAsymmetry(events, scan);
    expect(value).toBe(0.5);
    expect(error).toBeCloseTo(Math.sqrt((1 - 0.25) / 4), 14);
  });

  it("are split about the Z only if the scan reaches across it", () => {
    expect(asymmetryBands(scan).map(({ name }) => name)).toEqual(["below the Z", "on the Z", "above the Z"]);
    expect(asymmetryBands({ minEnergy: 90, maxEnergy: 110 })).toEqual([]);
    expect(asymmetryBands({ minEnergy: 91, maxEnergy: 91 })).toEqual([]);
  });
});
