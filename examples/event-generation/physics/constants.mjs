// @ts-check
// Constants of nature, from the Particle Data Group's Review of Particle Physics (2024), in GeV unless the name says otherwise.

/** Mass of the Z boson in GeV (a Breit-Wigner with an s-dependent width, as the PDG defines it). */
export const Z_MASS = 91.188;

/** Total width of the Z boson in GeV. */
export const Z_WIDTH = 2.4955;

/** Fermi coupling constant in GeV^-2. */
export const FERMI_COUPLING = 1.1663788e-5;

/** Fine-structure constant at zero momentum transfer; it is not run, as befits a tree-level calculation. */
export const FINE_STRUCTURE = 1 / 137.035999178;

/** Square of the sine of the effective leptonic weak mixing angle (LEP and SLD, Phys. Rept. 427 (2006) 257). */
export const SIN2_THETA_LEPTON = 0.23153;

/** Conversion from GeV^-2 to nanobarn: (hbar c)^2 in GeV^2 nb. */
export const NANOBARN_GEV2 = 389_379.3721;
