// @ts-check
// From the runs of a temperature sweep to the melting transition.
//
// A run has melted if its atoms have moved further than to their nearest neighbour: in a crystal they only rattle about their sites.
// The transition lies between the hottest crystal and the coolest liquid. Straight lines through the runs next to it on either
// side, carried on to it, give the jumps in energy and volume and with them the heat of fusion (latent heat),
// dH = dE + P d(1/density).

/** @typedef {{ temperature: number, pressure: number, seed: number, atoms: number, meanTemperature: number, meanPressure: number,
 *   density: number, potentialEnergy: number, meanSquaredDisplacement: number }} Run in reduced units, energy per atom */
/** @typedef {Run & { lindemann: number, melted: boolean }} JudgedRun */
/** @typedef {{ temperature: number, uncertainty: number, energyJump: number, volumeJump: number, heatOfFusion: number }} Transition */

const FIELDS = /** @type {const} */ ([
  "temperature",
  "pressure",
  "seed",
  "atoms",
  "meanTemperature",
  "meanPressure",
  "density",
  "potentialEnergy",
  "meanSquaredDisplacement",
]);

/** How many runs nearest to the transition, on each side, a straight line is put through. */
const NEAREST = 4;

/**
 * A run from the text of its result file; `path` is for the message if it is not one.
 * @param {string} text
 * @param {string} path
 * @returns {Run}
 */
export function parseRun(text, path) {
  let values;
  try {
    values = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${path}: not a result of melt.in: it is not JSON`, { cause });
  }
  const missing = FIELDS.find((field) => !Number.isFinite(values?.[field]));
  if (missing) throw new Error(`${path}: not a result of melt.in: ${missing} is not a number`);
  if (!(values.density > 0 && values.meanSquaredDisplacement > 0)) {
    throw new Error(`${path}: density and mean squared displacement must be positive`);
  }
  return values;
}

/**
 * Whether a run is crystal or liquid, and its Lindemann ratio: the root mean square amplitude of an atom about its site (the
 * displacement between two times holds the amplitude twice) over the distance of nearest neighbours in an fcc crystal.
 * @param {Run} run
 * @returns {JudgedRun}
 */
export function judge(run) {
  const neighbour = 2 ** (1 / 6) * run.density ** (-1 / 3);
  return {
    ...run,
    lindemann: Math.sqrt(run.meanSquaredDisplacement / 2) / neighbour,
    melted: run.meanSquaredDisplacement > neighbour ** 2,
  };
}

/**
 * The transition, or nothing if all runs ended in the same phase. Runs of one sweep must share a pressure.
 * @param {readonly JudgedRun[]} runs
 * @returns {Transition | undefined}
 */
export function findTransition(runs) {
  const crystal = runs.filter(({ melted }) => !melted).sort((a, b) => b.temperature - a.temperature);
  const liquid = runs.filter(({ melted }) => melted).sort((a, b) => a.temperature - b.temperature);
  const [hottest, coolest] = [crystal[0], liquid[0]];
  if (!hottest || !coolest) return undefined;
  const temperature = (hottest.temperature + coolest.temperature) / 2;
  const at = (/** @type {(run: Run) => number} */ quantity) =>
    extrapolate(liquid, quantity, temperature) - extrapolate(crystal, quantity, temperature);
  const energyJump = at(({ potentialEnergy }) => potentialEnergy);
  const volumeJump = at(({ density }) => 1 / density);
  return {
    temperature,
    uncertainty: Math.abs(coolest.temperature - hottest.temperature) / 2,
    energyJump,
    volumeJump,
    heatOfFusion: energyJump + hottest.pressure * volumeJump,
  };
}

/**
 * The value at a temperature of the least-squares line through the runs at the temperatures nearest to it (first in the list).
 * @param {readonly JudgedRun[]} runs
 * @param {(run: Run) => number} quantity
 * @param {number} temperature
 */
function extrapolate(runs, quantity, temperature) {
  const nearest = new Set([...new Set(runs.map((run) => run.temperature))].slice(0, NEAREST));
  const near = runs.filter((run) => nearest.has(run.temperature));
  const mean = (/** @type {(run: Run) => number} */ f) => near.reduce((sum, run) => sum + f(run), 0) / near.length;
  const meanT = mean((run) => run.temperature);
  const meanQ = mean(quantity);
  const spread = mean((run) => (run.temperature - meanT) ** 2);
  const slope = spread > 0 ? mean((run) => (run.temperature - meanT) * (quantity(run) - meanQ)) / spread : 0;
  return meanQ + slope * (temperature - meanT);
}
