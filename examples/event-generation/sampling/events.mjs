// @ts-check
import { integrand, kinematics } from "../physics/scan.mjs";
import { makeRandom } from "./random.mjs";
import { drawPoint } from "./vegas.mjs";

/** @typedef {import("../files/event-file.mjs").Event} Event */

/**
 * Weighted events drawn from a grid; the mean of their weights (nb) estimates the cross section without bias.
 * @param {{ scan: import("../physics/scan.mjs").Scan, grid: import("./vegas.mjs").Grid }} source
 * @param {{ seed: number, count: number }} options
 * @returns {Event[]}
 */
export function drawEvents({ scan, grid }, { seed, count }) {
  const random = makeRandom("generate", seed);
  const f = integrand(scan);
  return Array.from({ length: count }, () => {
    const { point, volume } = drawPoint(grid, random);
    return { ...kinematics(scan, point), weight: f(point) * volume };
  });
}

/**
 * Accept each event with probability weight / maxWeight. An event above the maximum is kept with its excess as its weight, which
 * leaves every distribution unbiased; `overweight` counts them.
 * @param {readonly Event[]} events
 * @param {{ seed: number, maxWeight: number }} options
 */
export function acceptEvents(events, { seed, maxWeight }) {
  const random = makeRandom("unweight", seed);
  const accepted = [];
  let overweight = 0;
  for (const event of events) {
    const ratio = event.weight / maxWeight;
    if (ratio > 1) overweight++;
    if (random() < ratio) accepted.push({ ...event, weight: Math.max(ratio, 1) });
  }
  return { accepted, overweight };
}
