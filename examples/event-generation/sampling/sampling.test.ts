import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sumWeights } from "../files/event-file.mjs";
import { measureAsymmetry, measureCrossSection } from "../measure/campaign.mjs";
import { chiSquareProbability } from "../measure/chi-square.mjs";
import { compareShape, fillHistogram } from "../measure/histogram.mjs";
import { measureSpectra } from "../measure/spectra.mjs";
import { integrand } from "../physics/scan.mjs";
import { acceptEvents, drawEvents } from "./events.mjs";
import { makeRandom } from "./random.mjs";
import { combine, drawPoint, iterate, uniformGrid } from "./vegas.mjs";

type Function = (point: readonly number[]) => number;

function adapt(
  f: Function,
  {
    axes,
    bins = 50,
    calls = 5000,
    iterations = 10,
  }: Record<"axes", number> & Partial<Record<"bins" | "calls" | "iterations", number>>,
) {
  const random = makeRandom("test", 1);
  let grid = uniformGrid(axes, bins);
  const history = [];
  for (let count = 0; count < iterations; count++) {
    const { refined, ...iteration } = iterate(f, grid, { calls, random });
    history.push(iteration);
    grid = refined;
  }
  return { grid, history };
}

const scan = { minEnergy: 70, maxEnergy: 110 };
const { grid } = adapt(integrand(scan), { axes: 3 });

describe("the random numbers", () => {
  it("are the same for a seed and differ between seeds and between streams", () => {
    const take = (stream: string, seed: number) => Array.from({ length: 5 }, makeRandom(stream, seed));
    expect(take("a", 1)).toEqual(take("a", 1));
    expect(take("a", 1)).not.toEqual(take("a", 2));
    expect(take("a", 1)).not.toEqual(take("b", 1));
  });

  it("fill the unit interval evenly", () => {
    const random = makeRandom("test", 7);
    const entries = Array.from({ length: 100_000 }, () => ({ value: random(), weight: 1 }));
    const histogram = fillHistogram(entries, { from: 0, to: 1, bins: 100 });
    const { probability } = compareShape(histogram, new Array(100).fill(0.01));
    expect(probability).toBeGreaterThan(1e-3);
    expect(probability).toBeLessThan(1 - 1e-3);
  });
});

describe("VEGAS", () => {
  it("learns a narrow peak: the error of an iteration falls more than tenfold", () => {
    const peak: Function = (x) =>
      x.reduce((product, xi) => product * (Math.exp(-(((xi - 0.3) / 0.02) ** 2)) / (0.02 * Math.sqrt(Math.PI))), 1);
    const { history } = adapt(peak, { axes: 2 });
    expect(Number(history.at(-1)?.error)).toBeLessThan(Number(history[0]?.error) / 10);
    const { estimate, error, chi2, dof } = combine(history.slice(5));
    expect(Math.abs(estimate - 1) / error).toBeLessThan(4);
    expect(chiSquareProbability(chi2, dof)).toBeGreaterThan(1e-3);
  });

  it("keeps edges that rise from 0 to 1, whatever it integrates", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: -3, max: 3 }),
        fc.integer({ min: 2, max: 40 }),
        (at, power, bins) => {
          const f: Function = ([x = 0]) => Math.abs(x - at) ** (power / 4) * (x < at ? 0 : 1);
          const { grid: edges } = adapt(f, { axes: 1, bins, calls: 200, iterations: 5 });
          for (const axis of edges) {
            expect(axis.length).toBe(bins + 1);
            expect([axis[0], axis.at(-1)]).toEqual([0, 1]);
            for (let bin = 0; bin < bins; bin++) expect(Number(axis[bin + 1])).toBeGreaterThan(Number(axis[bin]));
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it("draws points whose inverse density has mean one", () => {
    const random = makeRandom("test", 3);
    let sum = 0;
    for (let n = 0; n < 20_000; n++) {
      const { point, volume } = drawPoint(grid, random);
      for (const x of point) expect(x >= 0 && x <= 1).toBe(true);
      sum += volume;
    }
    expect(sum / 20_000).toBeCloseTo(1, 1);
  });
});

describe("events", () => {
  it("have pulls of unit width about zero over 300 seeds, for the cross section and the asymmetry", () => {
    const pulls = Array.from({ length: 300 }, (_, seed) => {
      const events = drawEvents({ scan, grid }, { seed, count: 1000 });
      const { accepted } = acceptEvents(events, { seed, maxWeight: 0.45 });
      return [measureCrossSection([sumWeights(events)], scan).pull, measureAsymmetry(accepted, scan).pull];
    });
    for (const which of [0, 1]) {
      const values = pulls.map((pair) => Number(pair[which]));
      const mean = values.reduce((sum, pull) => sum + pull, 0) / values.length;
      const chi2 = values.reduce((sum, pull) => sum + pull ** 2, 0);
      expect(Math.abs(mean) * Math.sqrt(values.length)).toBeLessThan(4);
      const probability = chiSquareProbability(chi2, values.length);
      expect(probability).toBeGreaterThan(1e-4);
      expect(probability).toBeLessThan(1 - 1e-4);
    }
  });

  it("keep every spectrum's shape when unweighted, even if the maximum was taken too small", () => {
    const events = drawEvents({ scan, grid }, { seed: 5, count: 50_000 });
    for (const maxWeight of [0.45, 0.2]) {
      const { accepted, overweight } = acceptEvents(events, { seed: 5, maxWeight });
      expect(overweight > 0).toBe(maxWeight === 0.2);
      const { mass, cosTheta, phi } = measureSpectra(accepted, scan);
      for (const spectrum of [mass, cosTheta, phi]) {
        expect(spectrum?.agreement.dof).toBeGreaterThan(10);
        expect(spectrum?.agreement.probability).toBeGreaterThan(1e-3);
      }
    }
  });

  it("of equal weight are accepted as often as the mean weight over the maximum says", () => {
    const events = drawEvents({ scan, grid }, { seed: 6, count: 20_000 });
    const { accepted, overweight } = acceptEvents(events, { seed: 6, maxWeight: 0.45 });
    const share = sumWeights(events).sumW / 20_000 / 0.45;
    expect(overweight).toBe(0);
    expect(Math.abs(accepted.length / 20_000 - share)).toBeLessThan(4 * Math.sqrt((share * (1 - share)) / 20_000));
    expect(accepted.every(({ weight }) => weight === 1)).toBe(true);
  });
});
