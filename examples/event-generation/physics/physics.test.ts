import { describe, expect, it } from "vitest";
import { FERMI_COUPLING, FINE_STRUCTURE, NANOBARN_GEV2, SIN2_THETA_LEPTON, Z_MASS, Z_WIDTH } from "./constants.mjs";
import { crossSection, differentialCrossSection, forwardMinusBackward } from "./cross-section.mjs";
import { integrate } from "./quadrature.mjs";
import { exactAsymmetry, exactCosThetaShare, exactCrossSection, integrand, kinematics } from "./scan.mjs";

describe("the cross section", () => {
  it("is that of photon exchange alone at low energy, 86.8 nb GeV^2 / s", () => {
    for (const energy of [1, 5]) {
      const photonOnly = (4 * Math.PI * FINE_STRUCTURE ** 2 * NANOBARN_GEV2) / (3 * energy ** 2);
      expect(photonOnly * energy ** 2).toBeCloseTo(86.85, 1);
      expect(crossSection(energy) / photonOnly).toBeCloseTo(1, 3);
    }
  });

  it("is the Breit-Wigner maximum 12 pi Gamma_ee Gamma_mumu / (M Gamma)^2 plus the photon at the Z pole, about 2 nb", () => {
    const vector2 = (-0.5 + 2 * SIN2_THETA_LEPTON) ** 2;
    const partialWidth = (FERMI_COUPLING * Z_MASS ** 3 * (vector2 + 0.25)) / (6 * Math.SQRT2 * Math.PI);
    const resonance = (12 * Math.PI * partialWidth ** 2 * NANOBARN_GEV2) / (Z_MASS * Z_WIDTH) ** 2;
    const photon = (4 * Math.PI * FINE_STRUCTURE ** 2 * NANOBARN_GEV2) / (3 * Z_MASS ** 2);
    expect(partialWidth * 1000).toBeCloseTo(83.4, 0);
    expect(crossSection(Z_MASS)).toBeCloseTo(resonance + photon, 10);
    expect(crossSection(Z_MASS)).toBeCloseTo(1.98, 2);
  });

  it("integrates from the differential one, forward and backward", () => {
    for (const energy of [35, 80, 91, 105, 200]) {
      const f = (c: number) => 2 * Math.PI * differentialCrossSection(energy, c);
      const [backward, forward] = [integrate(f, -1, 0), integrate(f, 0, 1)];
      expect((forward + backward) / crossSection(energy)).toBeCloseTo(1, 12);
      expect((forward - backward) / forwardMinusBackward(energy)).toBeCloseTo(1, 11);
    }
  });

  it("has the asymmetries that PETRA and LEP saw", () => {
    const asymmetry = (energy: number) => forwardMinusBackward(energy) / crossSection(energy);
    expect(asymmetry(35)).toBeCloseTo(-0.097, 2);
    expect(asymmetry(Z_MASS)).toBeCloseTo(0.016, 3);
    expect(asymmetry(80)).toBeLessThan(-0.6);
    expect(asymmetry(105)).toBeGreaterThan(0.6);
  });
});

describe("the exact answer", () => {
  it("integrates a narrow resonance to a relative 1e-12", () => {
    const [mass, halfWidth] = [91.2, 0.01];
    const exact = (Math.atan((110 - mass) / halfWidth) - Math.atan((70 - mass) / halfWidth)) / halfWidth;
    const numeric = integrate((x) => 1 / ((x - mass) ** 2 + halfWidth ** 2), 70, 110);
    expect(Math.abs(numeric / exact - 1)).toBeLessThan(1e-12);
  });

  it("does not change when the scan is cut in two", () => {
    const part = (minEnergy: number, maxEnergy: number) =>
      exactCrossSection({ minEnergy, maxEnergy }) * (maxEnergy - minEnergy);
    expect((part(70, 90.1) + part(90.1, 110)) / part(70, 110)).toBeCloseTo(1, 12);
  });

  it("is the cross section itself when the energy is fixed", () => {
    const scan = { minEnergy: 91.188, maxEnergy: 91.188 };
    expect(exactCrossSection(scan)).toBe(crossSection(91.188));
    expect(exactAsymmetry(scan)).toBe(forwardMinusBackward(91.188) / crossSection(91.188));
  });

  it("gives shares of cos theta that add up to one and to the asymmetry", () => {
    expect(exactCosThetaShare(0.3, -1, 1)).toBeCloseTo(1, 14);
    expect(exactCosThetaShare(0.3, 0, 1) - exactCosThetaShare(0.3, -1, 0)).toBeCloseTo(0.3, 14);
  });

  it("agrees with the integrand summed over a lattice of the unit cube", () => {
    const scan = { minEnergy: 70, maxEnergy: 110 };
    const f = integrand(scan);
    const steps = 400;
    let sum = 0;
    for (let i = 0; i < steps; i++) {
      for (let j = 0; j < steps; j++) sum += f([(i + 0.5) / steps, (j + 0.5) / steps, 0.5]);
    }
    expect(sum / steps ** 2 / exactCrossSection(scan)).toBeCloseTo(1, 4);
  });

  it("maps the unit cube onto the whole of phase space", () => {
    const scan = { minEnergy: 70, maxEnergy: 110 };
    expect(kinematics(scan, [0, 0, 0])).toEqual({ mass: 70, cosTheta: -1, phi: 0 });
    expect(kinematics(scan, [1, 1, 1])).toEqual({ mass: 110, cosTheta: 1, phi: 2 * Math.PI });
    expect(kinematics({ minEnergy: 91, maxEnergy: 91 }, [0.5, 0.5])).toEqual({ mass: 91, cosTheta: 0, phi: Math.PI });
  });
});
