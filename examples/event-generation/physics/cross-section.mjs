// @ts-check
// e+ e- -> mu+ mu- at tree level: photon exchange, Z exchange and their interference, masses of the leptons neglected.
//
//   d(sigma)/d(cos theta) = pi alpha^2 / (2 s) * [ (1 + cos^2 theta) S(s) + 2 cos theta A(s) ]
//   S = 1 + 2 v^2 Re X + (v^2 + a^2)^2 |X|^2            sigma = 4 pi alpha^2 / (3 s) * S
//   A =     2 a^2 Re X + 4 v^2 a^2 |X|^2                A_FB  = 3/4 * A / S
//   X = G_F M_Z^2 / (2 sqrt(2) pi alpha) * s / (s - M_Z^2 + i s Gamma_Z / M_Z)
//
// with v = -1/2 + 2 sin^2 theta and a = -1/2 for both leptons, and theta the angle between e- and mu-. Sources: R. K. Ellis,
// W. J. Stirling and B. R. Webber, "QCD and Collider Physics" (1996), chapter 3; ALEPH, DELPHI, L3, OPAL and SLD, "Precision
// electroweak measurements on the Z resonance", Phys. Rept. 427 (2006) 257, chapter 1, whose s-dependent width is the one
// that goes with the PDG's mass and width.
import { FERMI_COUPLING, FINE_STRUCTURE, NANOBARN_GEV2, SIN2_THETA_LEPTON, Z_MASS, Z_WIDTH } from "./constants.mjs";

const VECTOR2 = (-0.5 + 2 * SIN2_THETA_LEPTON) ** 2;
const AXIAL2 = 0.25;
const Z_STRENGTH = (FERMI_COUPLING * Z_MASS ** 2) / (2 * Math.SQRT2 * Math.PI * FINE_STRUCTURE);

/**
 * The symmetric and the antisymmetric form factor at s (GeV^2), both relative to pure photon exchange.
 * @param {number} s
 */
export function formFactors(s) {
  const offPeak = s - Z_MASS ** 2;
  const width = (s * Z_WIDTH) / Z_MASS;
  const strength = (Z_STRENGTH * s) / (offPeak ** 2 + width ** 2);
  const real = strength * offPeak;
  const squared = strength * Z_STRENGTH * s;
  return {
    symmetric: 1 + 2 * VECTOR2 * real + (VECTOR2 + AXIAL2) ** 2 * squared,
    antisymmetric: 2 * AXIAL2 * real + 4 * VECTOR2 * AXIAL2 * squared,
  };
}

/**
 * The total cross section in nb at the centre-of-mass energy `energy` (GeV).
 * @param {number} energy
 */
export function crossSection(energy) {
  return ((4 * Math.PI) / 3) * pointStrength(energy) * formFactors(energy ** 2).symmetric;
}

/**
 * The cross section in nb going forward less that going backward; divided by `crossSection` it is A_FB.
 * @param {number} energy
 */
export function forwardMinusBackward(energy) {
  return Math.PI * pointStrength(energy) * formFactors(energy ** 2).antisymmetric;
}

/**
 * The cross section in nb per unit of solid angle; it does not depend on the azimuth, as the beams are not polarised.
 * @param {number} energy
 * @param {number} cosTheta
 */
export function differentialCrossSection(energy, cosTheta) {
  const { symmetric, antisymmetric } = formFactors(energy ** 2);
  return 0.25 * pointStrength(energy) * ((1 + cosTheta ** 2) * symmetric + 2 * cosTheta * antisymmetric);
}

/** @param {number} energy */
function pointStrength(energy) {
  return (NANOBARN_GEV2 * FINE_STRUCTURE ** 2) / energy ** 2;
}
