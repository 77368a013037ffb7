// @ts-check
// The quantity the campaign measures: the mean cross section when the centre-of-mass energy is spread evenly over a range,
//
//   <sigma> = 1 / (E2 - E1) * Integral dE sigma(E^2)
//
// so that an event has three coordinates (E, cos theta, phi) and the Z stands out as a peak in the dimuon mass. A scan with
// E1 = E2 is a run at one energy, with two coordinates. Everything called exact here is analytic in the angles and one
// Gauss-Legendre integral over E, good to a relative 1e-12.
import { crossSection, differentialCrossSection, forwardMinusBackward } from "./cross-section.mjs";
import { integrate } from "./quadrature.mjs";

/** @typedef {{ minEnergy: number, maxEnergy: number }} Scan energies in GeV */
/** @typedef {{ mass: number, cosTheta: number, phi: number }} Kinematics mass in GeV, phi in radians from 0 to 2 pi */

/**
 * The names of the integration variables of a scan, in order.
 * @param {Scan} scan
 */
export function coordinates(scan) {
  return isFixedEnergy(scan) ? ["cosTheta", "phi"] : ["energy", "cosTheta", "phi"];
}

/** @param {Scan} scan */
export function isFixedEnergy(scan) {
  return scan.minEnergy === scan.maxEnergy;
}

/**
 * The event at a point of the unit cube.
 * @param {Scan} scan
 * @param {readonly number[]} point
 * @returns {Kinematics}
 */
export function kinematics(scan, point) {
  const [energy, cosTheta, phi] = isFixedEnergy(scan) ? [0, ...point] : point;
  return {
    mass: scan.minEnergy + (scan.maxEnergy - scan.minEnergy) * Number(energy),
    cosTheta: 2 * Number(cosTheta) - 1,
    phi: 2 * Math.PI * Number(phi),
  };
}

/**
 * The function whose integral over the unit cube is the mean cross section in nb.
 * @param {Scan} scan
 * @returns {(point: readonly number[]) => number}
 */
export function integrand(scan) {
  return (point) => {
    const { mass, cosTheta } = kinematics(scan, point);
    return 4 * Math.PI * differentialCrossSection(mass, cosTheta);
  };
}

/**
 * The exact mean cross section in nb, over the whole scan or over part of it (still divided by that part's width).
 * @param {Scan} scan
 */
export function exactCrossSection(scan) {
  return mean(crossSection, scan);
}

/**
 * The exact forward-backward asymmetry of all events of the scan.
 * @param {Scan} scan
 */
export function exactAsymmetry(scan) {
  return mean(forwardMinusBackward, scan) / mean(crossSection, scan);
}

/**
 * The exact share of events between two values of cos theta, given their forward-backward asymmetry.
 * @param {number} asymmetry
 * @param {number} from
 * @param {number} to
 */
export function exactCosThetaShare(asymmetry, from, to) {
  const primitive = (/** @type {number} */ c) => (3 * c + c ** 3) / 8 + (asymmetry * c ** 2) / 2;
  return primitive(to) - primitive(from);
}

/**
 * @param {(energy: number) => number} f
 * @param {Scan} scan
 */
function mean(f, scan) {
  const { minEnergy, maxEnergy } = scan;
  return isFixedEnergy(scan) ? f(minEnergy) : integrate(f, minEnergy, maxEnergy) / (maxEnergy - minEnergy);
}
