// @ts-check
import { chiSquareProbability } from "./chi-square.mjs";

/** @typedef {{ edges: number[], sumW: number[], sumW2: number[] }} Histogram */
/** @typedef {{ chi2: number, dof: number, probability: number }} Agreement */

/** Below this many expected events a bin's fluctuations are not Gaussian: neighbours are added up first. */
const FEWEST_EXPECTED = 10;

/**
 * Evenly spaced bins over a range; a value at its upper end belongs to the last bin, one outside to none.
 * @param {Iterable<{ value: number, weight: number }>} entries
 * @param {{ from: number, to: number, bins: number }} range
 * @returns {Histogram}
 */
export function fillHistogram(entries, { from, to, bins }) {
  const edges = Array.from({ length: bins + 1 }, (_, index) => from + ((to - from) * index) / bins);
  const sumW = new Array(bins).fill(0);
  const sumW2 = new Array(bins).fill(0);
  for (const { value, weight } of entries) {
    if (!(value >= from && value <= to)) continue;
    const bin = Math.min(Math.floor(((value - from) / (to - from)) * bins), bins - 1);
    sumW[bin] += weight;
    sumW2[bin] += weight ** 2;
  }
  return { edges, sumW, sumW2 };
}

/**
 * Pearson's test of a histogram's shape against the exact share of each bin.
 * @param {Histogram} histogram
 * @param {readonly number[]} shares
 * @returns {Agreement}
 */
export function compareShape({ sumW, sumW2 }, shares) {
  const total = sum(sumW);
  const meanWeight = sum(sumW2) / total;
  let [chi2, groups, expected, found, squares] = [0, 0, 0, 0, 0];
  let left = total;
  shares.forEach((share, bin) => {
    expected += share * total;
    found += Number(sumW[bin]);
    squares += Number(sumW2[bin]);
    left -= share * total;
    if (
      expected < FEWEST_EXPECTED * meanWeight ||
      (left > 0 && left < FEWEST_EXPECTED * meanWeight && bin < shares.length - 1)
    )
      return;
    chi2 += (found - expected) ** 2 / (expected * (found > 0 ? squares / found : meanWeight));
    groups++;
    [expected, found, squares] = [0, 0, 0];
  });
  const dof = groups - 1;
  return { chi2, dof, probability: chiSquareProbability(chi2, dof) };
}

/** @param {readonly number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
