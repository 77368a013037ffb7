// @ts-check
// The event file: JSON lines. The first is an object, the header, which holds the sums over the weighted events; each other
// line is one event, [mass in GeV, cos theta, phi, weight]. The weight of a weighted event is in nb; that of an unweighted one is 1,
// or more if the event outweighed the grid's maximum. Unweighted files carry on the sums of the weighted events they came from,
// since the cross section and its error are made of those.
import { readText, writeText } from "../../program/text-file.mjs";

/** @typedef {import("../physics/scan.mjs").Scan} Scan */
/** @typedef {import("../physics/scan.mjs").Kinematics} Kinematics */
/** @typedef {Kinematics & { weight: number }} Event */
/** @typedef {{ n: number, sumW: number, sumW2: number, maxW: number }} WeightSums sums of the weights in nb */
/** @typedef {{ format: "events", version: 1, kind: "weighted" | "unweighted", process: string, grid: string, scan: Scan,
 *   maxWeight: number, seed: number, events: number, weights: WeightSums, overweight?: number }} EventHeader */

/**
 * The sums that a cross section and its error need.
 * @param {readonly Event[]} events
 * @returns {WeightSums}
 */
export function sumWeights(events) {
  const sums = { n: events.length, sumW: 0, sumW2: 0, maxW: 0 };
  for (const { weight } of events) {
    sums.sumW += weight;
    sums.sumW2 += weight ** 2;
    sums.maxW = Math.max(sums.maxW, weight);
  }
  return sums;
}

/**
 * Write an event file whole or not at all.
 * @param {string} path
 * @param {EventHeader} header
 * @param {readonly Event[]} events
 */
export function writeEvents(path, header, events) {
  const lines = events.map(({ mass, cosTheta, phi, weight }) =>
    JSON.stringify([shorten(mass), shorten(cosTheta), shorten(phi), shorten(weight)]),
  );
  writeText(path, `${[JSON.stringify(header), ...lines].join("\n")}\n`);
}

/**
 * Read and check an event file; a file that was cut short is refused.
 * @param {string} path
 * @returns {{ header: EventHeader, events: Event[] }}
 */
export function readEvents(path) {
  const [first = "", ...rest] = readText(path).split("\n");
  const header = /** @type {EventHeader} */ (parseLine(path, first, 1));
  if (header?.format !== "events" || header.version !== 1 || !(header.weights?.n > 0)) {
    throw new Error(`${path}: not an event file: its first line is not a header of format 'events', version 1`);
  }
  if (rest.pop() !== "" || rest.length !== header.events) {
    throw new Error(`${path}: cut short or damaged: expected ${header.events} events, found ${rest.length}`);
  }
  return { header, events: rest.map((line, index) => readEvent(path, line, index + 2)) };
}

/**
 * @param {string} path
 * @param {string} line
 * @param {number} number
 * @returns {Event}
 */
function readEvent(path, line, number) {
  const values = parseLine(path, line, number);
  if (!Array.isArray(values) || values.length !== 4 || !values.every(Number.isFinite)) {
    throw new Error(`${path}: line ${number}: expected [mass, cosTheta, phi, weight], got ${line.slice(0, 60)}`);
  }
  const [mass, cosTheta, phi, weight] = values;
  return { mass, cosTheta, phi, weight };
}

/**
 * @param {string} path
 * @param {string} line
 * @param {number} number
 * @returns {unknown}
 */
function parseLine(path, line, number) {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new Error(`${path}: line ${number}: not JSON: ${line.slice(0, 60)}`, { cause });
  }
}

/** @param {number} value */
function shorten(value) {
  return Number(value.toPrecision(9));
}
