// @ts-check

/**
 * The probability that chi-square is this large or larger by chance: the regularised upper incomplete gamma function
 * Q(dof / 2, chi2 / 2), by series or continued fraction (Abramowitz and Stegun 6.5.29 and 6.5.31).
 * @param {number} chi2
 * @param {number} dof
 */
export function chiSquareProbability(chi2, dof) {
  const [a, x] = [dof / 2, chi2 / 2];
  if (dof <= 0 || x <= 0) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? 1 - front * lowerSeries(a, x) : front * upperFraction(a, x);
}

/**
 * @param {number} a
 * @param {number} x
 */
function lowerSeries(a, x) {
  let [term, sum] = [1 / a, 1 / a];
  for (let n = 1; term > sum * 1e-16; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/**
 * Lentz's method, modified so that no denominator is zero.
 * @param {number} a
 * @param {number} x
 */
function upperFraction(a, x) {
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let value = d;
  for (let n = 1; n < 10_000; n++) {
    const numerator = -n * (n - a);
    b += 2;
    d = 1 / (numerator * d + b || 1e-300);
    c = b + numerator / c || 1e-300;
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return value;
}

/**
 * Stirling's series after shifting the argument above 10; for a positive argument.
 * @param {number} x
 */
function logGamma(x) {
  let [shift, y] = [0, x];
  for (; y < 10; y++) shift += Math.log(y);
  const series = 1 / (12 * y) - 1 / (360 * y ** 3) + 1 / (1260 * y ** 5) - 1 / (1680 * y ** 7);
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
