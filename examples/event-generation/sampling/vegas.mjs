// @ts-check
// VEGAS, adaptive importance sampling (G. P. Lepage, J. Comput. Phys. 27 (1978) 192). Each axis of the unit cube is cut into
// bins of unequal width and equal probability. After an iteration the edges move so that every bin holds the same share of
// the (smoothed and damped) sum of squared weights: where the integrand is large, bins get narrow and points get many.

/** @typedef {readonly (readonly number[])[]} Grid for each axis its bin edges from 0 to 1 */
/** @typedef {{ calls: number, estimate: number, error: number }} Iteration */
/** @typedef {{ estimate: number, error: number, chi2: number, dof: number }} Combined */

/** 0 would freeze the grid, 2 would let it chase noise. */
const DAMPING = 1;

/**
 * A grid that samples the unit cube evenly.
 * @param {number} axes
 * @param {number} bins
 * @returns {Grid}
 */
export function uniformGrid(axes, bins) {
  return Array.from({ length: axes }, () => Array.from({ length: bins + 1 }, (_, edge) => edge / bins));
}

/**
 * One random point of the cube drawn from the grid, with its density's inverse and the bin it fell in on each axis.
 * @param {Grid} grid
 * @param {() => number} random
 */
export function drawPoint(grid, random) {
  const point = [];
  const bins = [];
  let volume = 1;
  for (const edges of grid) {
    const count = edges.length - 1;
    const position = random() * count;
    const bin = Math.min(Math.floor(position), count - 1);
    const low = at(edges, bin);
    const width = at(edges, bin + 1) - low;
    point.push(low + width * (position - bin));
    bins.push(bin);
    volume *= count * width;
  }
  return { point, bins, volume };
}

/**
 * One iteration: the estimate of the integral from this grid, and the grid it teaches.
 * @param {(point: readonly number[]) => number} f
 * @param {Grid} grid
 * @param {{ calls: number, random: () => number }} options
 * @returns {Iteration & { refined: Grid, maxWeight: number }}
 */
export function iterate(f, grid, { calls, random }) {
  const squares = grid.map((edges) => new Array(edges.length - 1).fill(0));
  let [sum, sum2, maxWeight] = [0, 0, 0];
  for (let call = 0; call < calls; call++) {
    const { point, bins, volume } = drawPoint(grid, random);
    const weight = f(point) * volume;
    sum += weight;
    sum2 += weight ** 2;
    maxWeight = Math.max(maxWeight, weight);
    bins.forEach((bin, axis) => {
      const column = squares[axis];
      if (column) column[bin] += weight ** 2;
    });
  }
  const estimate = sum / calls;
  const error = Math.sqrt(Math.max(sum2 / calls - estimate ** 2, 0) / (calls - 1));
  const refined = grid.map((edges, axis) => moveEdges(edges, damp(smooth(squares[axis] ?? []))));
  return { calls, estimate, error, refined, maxWeight };
}

/**
 * Iterations that were not used for learning the shape from nothing, weighted by their inverse variances.
 * @param {readonly Iteration[]} iterations
 * @returns {Combined}
 */
export function combine(iterations) {
  let [weights, weighted] = [0, 0];
  for (const { estimate, error } of iterations) {
    weights += error ** -2;
    weighted += estimate * error ** -2;
  }
  const estimate = weighted / weights;
  const chi2 = iterations.reduce((sum, one) => sum + ((one.estimate - estimate) / one.error) ** 2, 0);
  return { estimate, error: weights ** -0.5, chi2, dof: iterations.length - 1 };
}

/** @param {readonly number[]} values */
function smooth(values) {
  return values.map((_, bin) => {
    const near = values.slice(Math.max(bin - 1, 0), bin + 2);
    return near.reduce((sum, value) => sum + value, 0) / near.length;
  });
}

/** @param {readonly number[]} values */
function damp(values) {
  const total = values.reduce((sum, value) => sum + value, 0);
  if (!(total > 0)) return values.map(() => 1);
  return values.map((value) => {
    const share = value / total;
    if (share <= 0) return 1e-30;
    return share >= 1 ? 1 : ((1 - share) / -Math.log(share)) ** DAMPING;
  });
}

/**
 * @param {readonly number[]} edges
 * @param {readonly number[]} importance
 */
function moveEdges(edges, importance) {
  const perBin = importance.reduce((sum, value) => sum + value, 0) / importance.length;
  const moved = [0];
  let [bin, held] = [-1, 0];
  while (moved.length < importance.length) {
    while (held < perBin && bin < importance.length - 1) held += at(importance, ++bin);
    held -= perBin;
    const high = at(edges, bin + 1);
    moved.push(high - (high - at(edges, bin)) * (held / at(importance, bin)));
  }
  return [...moved, 1];
}

/**
 * @param {readonly number[]} list
 * @param {number} index
 */
function at(list, index) {
  return /** @type {number} */ (list[index]);
}
