// @ts-check
// From the event files of a campaign to what they say about nature.
import { Z_MASS } from "../physics/constants.mjs";
import { exactAsymmetry, exactCrossSection, isFixedEnergy } from "../physics/scan.mjs";
import { chiSquareProbability } from "./chi-square.mjs";

/** @typedef {import("../files/event-file.mjs").Event} Event */
/** @typedef {import("../files/event-file.mjs").EventHeader} EventHeader */
/** @typedef {import("../files/event-file.mjs").WeightSums} WeightSums */
/** @typedef {{ value: number, error: number, exact: number, pull: number }} Measurement */
/** @typedef {{ path: string, header: EventHeader }} FileHeader */

/** Half the width in GeV of what counts as on the Z peak. */
const PEAK_HALF_WIDTH = 3;

/**
 * Refuse files that do not belong together, or that would count the same events twice.
 * @param {readonly FileHeader[]} files
 */
export function checkFiles(files) {
  const [first] = files;
  if (!first) throw new Error("no event files given");
  const seeds = new Map();
  for (const { path, header } of files) {
    if (header.kind !== first.header.kind) {
      throw new Error(
        `${path} is ${header.kind}, ${first.path} is ${first.header.kind}: merge one kind, or events count twice`,
      );
    }
    if (header.grid !== first.header.grid) throw new Error(`${path} and ${first.path} come from different grids`);
    if (seeds.has(header.seed)) {
      throw new Error(
        `${path} and ${seeds.get(header.seed)} have the same seed ${header.seed}: their events are the same`,
      );
    }
    seeds.set(header.seed, path);
  }
  return first.header;
}

/**
 * The cross section in nb from the weighted sums of all files.
 * @param {readonly WeightSums[]} sums
 * @param {import("../physics/scan.mjs").Scan} scan
 * @returns {Measurement}
 */
export function measureCrossSection(sums, scan) {
  return compare(meanWeight(addSums(sums)), exactCrossSection(scan));
}

/**
 * Do the files agree with one another, as independent seeds must?
 * @param {readonly WeightSums[]} sums
 */
export function compareFiles(sums) {
  const usable = sums.filter(({ n }) => n > 1).map(meanWeight);
  const { value } = meanWeight(addSums(sums));
  const chi2 = usable.reduce((total, one) => total + ((one.value - value) / one.error) ** 2, 0);
  const dof = Math.max(usable.length - 1, 0);
  return { chi2, dof, probability: chiSquareProbability(chi2, dof) };
}

/**
 * The forward-backward asymmetry of the events within a range of masses.
 * @param {readonly Event[]} events
 * @param {import("../physics/scan.mjs").Scan} range
 * @returns {Measurement}
 */
export function measureAsymmetry(events, range) {
  const inside = events.filter(({ mass }) => mass >= range.minEnergy && mass <= range.maxEnergy);
  const total = inside.reduce((sum, { weight }) => sum + weight, 0);
  const value = inside.reduce((sum, { weight, cosTheta }) => sum + weight * Math.sign(cosTheta), 0) / total;
  const variance = inside.reduce((sum, { weight, cosTheta }) => sum + (weight * (Math.sign(cosTheta) - value)) ** 2, 0);
  return compare({ value, error: Math.sqrt(variance) / total }, exactAsymmetry(range));
}

/**
 * The parts of a scan whose asymmetries differ: below, on and above the Z peak. None if the scan does not reach across it.
 * @param {import("../physics/scan.mjs").Scan} scan
 */
export function asymmetryBands(scan) {
  const [low, high] = [Z_MASS - PEAK_HALF_WIDTH, Z_MASS + PEAK_HALF_WIDTH];
  if (isFixedEnergy(scan) || scan.minEnergy >= low || scan.maxEnergy <= high) return [];
  return [
    { name: "below the Z", minEnergy: scan.minEnergy, maxEnergy: low },
    { name: "on the Z", minEnergy: low, maxEnergy: high },
    { name: "above the Z", minEnergy: high, maxEnergy: scan.maxEnergy },
  ];
}

/** @param {readonly WeightSums[]} sums */
function addSums(sums) {
  const total = { n: 0, sumW: 0, sumW2: 0, maxW: 0 };
  for (const { n, sumW, sumW2, maxW } of sums) {
    total.n += n;
    total.sumW += sumW;
    total.sumW2 += sumW2;
    total.maxW = Math.max(total.maxW, maxW);
  }
  return total;
}

/** @param {WeightSums} sums */
function meanWeight({ n, sumW, sumW2 }) {
  const value = sumW / n;
  return { value, error: Math.sqrt(Math.max(sumW2 / n - value ** 2, 0) / Math.max(n - 1, 1)) };
}

/**
 * @param {{ value: number, error: number }} measured
 * @param {number} exact
 */
function compare({ value, error }, exact) {
  return { value, error, exact, pull: error > 0 ? (value - exact) / error : 0 };
}
