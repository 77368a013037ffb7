// @ts-check
// The distributions of the merged events, each beside the exact share of every bin.
import { crossSection } from "../physics/cross-section.mjs";
import { exactAsymmetry, exactCosThetaShare, exactCrossSection, isFixedEnergy } from "../physics/scan.mjs";
import { compareShape, fillHistogram } from "./histogram.mjs";

/** @typedef {import("../files/event-file.mjs").Event} Event */
/** @typedef {import("../physics/scan.mjs").Scan} Scan */
/** @typedef {import("./histogram.mjs").Histogram & { exactShares: number[], agreement: import("./histogram.mjs").Agreement }} Spectrum */

/**
 * The spectra of cos theta and phi, and of the dimuon mass if it varies.
 * @param {readonly Event[]} events
 * @param {Scan} scan
 * @returns {{ mass?: Spectrum, cosTheta: Spectrum, phi: Spectrum }}
 */
export function measureSpectra(events, scan) {
  const asymmetry = exactAsymmetry(scan);
  const bins = events.length < 20_000 ? 20 : 40;
  const cosTheta = compare(events, ({ cosTheta }) => cosTheta, {
    range: { from: -1, to: 1, bins },
    share: (from, to) => exactCosThetaShare(asymmetry, from, to),
  });
  const phi = compare(events, ({ phi }) => phi, {
    range: { from: 0, to: 2 * Math.PI, bins: 20 },
    share: (from, to) => (to - from) / (2 * Math.PI),
  });
  if (isFixedEnergy(scan)) return { cosTheta, phi };

  const total = exactCrossSection(scan) * (scan.maxEnergy - scan.minEnergy);
  const mass = compare(events, ({ mass }) => mass, {
    range: { from: scan.minEnergy, to: scan.maxEnergy, bins: 2 * bins },
    share: (from, to) => (exactCrossSection({ minEnergy: from, maxEnergy: to }) * (to - from)) / total,
  });
  return { mass, cosTheta, phi };
}

/**
 * The exact cross section (nb) against energy, closely enough spaced to draw.
 * @param {Scan} scan
 */
export function crossSectionCurve({ minEnergy, maxEnergy }) {
  const steps = 800;
  return Array.from({ length: steps + 1 }, (_, index) => {
    const x = minEnergy + ((maxEnergy - minEnergy) * index) / steps;
    return { x, y: crossSection(x) };
  });
}

/**
 * @param {readonly Event[]} events
 * @param {(event: Event) => number} variable
 * @param {{ range: { from: number, to: number, bins: number }, share: (from: number, to: number) => number }} exact
 * @returns {Spectrum}
 */
function compare(events, variable, { range, share }) {
  const entries = events.map((event) => ({ value: variable(event), weight: event.weight }));
  const histogram = fillHistogram(entries, range);
  const { edges } = histogram;
  const exactShares = edges.slice(1).map((to, bin) => share(Number(edges[bin]), to));
  return { ...histogram, exactShares, agreement: compareShape(histogram, exactShares) };
}
