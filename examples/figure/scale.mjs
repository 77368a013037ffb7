// @ts-check
// Axes: where a value lies on the paper and where the ticks go.

/** @typedef {{ value: number, label: string }} Tick */
/** @typedef {{ min: number, max: number, log?: boolean }} Range */
/** @typedef {{ place: (value: number) => number, major: Tick[], minor: number[] }} Scale `place` maps a range to 0..1 */

/**
 * A linear or logarithmic scale with about `count` labelled ticks.
 * @param {Range} range
 * @param {number} count
 * @returns {Scale}
 */
export function makeScale(range, count) {
  return range.log ? logScale(range) : linearScale(range, count);
}

/**
 * @param {Range} range
 * @param {number} count
 * @returns {Scale}
 */
function linearScale({ min, max }, count) {
  const rough = (max - min) / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((one) => one * magnitude >= rough * 0.999) ?? 10;
  const step = factor * magnitude;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return {
    place: (value) => (value - min) / (max - min),
    major: multiples(step, min, max).map((value) => ({ value, label: minus(value.toFixed(digits)) })),
    minor: multiples(factor === 2 ? step / 4 : step / 5, min, max),
  };
}

/**
 * @param {Range} range
 * @returns {Scale}
 */
function logScale({ min, max }) {
  const exponents = [];
  for (let e = Math.floor(Math.log10(min)); e <= Math.ceil(Math.log10(max)); e++) exponents.push(e);
  const inside = (/** @type {number} */ value) => value >= min * 0.9999 && value <= max * 1.0001;
  return {
    place: (value) => Math.log(Math.max(value, min / 1e6) / min) / Math.log(max / min),
    major: exponents
      .map((e) => ({
        value: 10 ** e,
        label: Math.abs(e) <= 3 ? String(Number((10 ** e).toPrecision(1))) : minus(`10^{${e}}`),
      }))
      .filter(({ value }) => inside(value)),
    minor: exponents.flatMap((e) => [2, 3, 4, 5, 6, 7, 8, 9].map((m) => m * 10 ** e)).filter(inside),
  };
}

/**
 * @param {number} step
 * @param {number} min
 * @param {number} max
 */
function multiples(step, min, max) {
  const values = [];
  for (let n = Math.ceil(min / step - 1e-6); n * step <= max + step * 1e-6; n++) values.push(n * step);
  return values;
}

/** @param {string} text */
function minus(text) {
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "\u2212");
}
