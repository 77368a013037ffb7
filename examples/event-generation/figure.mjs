// @ts-check
// The figure of the campaign: the dimuon mass and the scattering angle, simulated and exact, with their ratios beneath.
import { drawPanel } from "../figure/panel.mjs";
import { drawFigure, drawText } from "../figure/text.mjs";
import { crossSectionCurve } from "./measure/spectra.mjs";
import { isFixedEnergy } from "./physics/scan.mjs";

/** @typedef {import("./measure/spectra.mjs").Spectrum} Spectrum */
/** @typedef {import("../figure/panel.mjs").Point} Point */
/** @typedef {{ scan: import("./physics/scan.mjs").Scan, events: number, files: number,
 *   crossSection: import("./measure/campaign.mjs").Measurement, asymmetry: import("./measure/campaign.mjs").Measurement,
 *   spectra: { mass?: Spectrum, cosTheta: Spectrum } }} Result */

const SIMULATED = "#111";
const EXACT = "#c4122f";
const WIDTH = 1120;
const HEIGHT = 560;
const MAIN = { y: 50, width: 430, height: 330 };
const RATIO = { y: 388, width: 430, height: 108 };
const LEFT = 100;
const RIGHT = 660;

/**
 * The figure as SVG.
 * @param {Result} result
 */
export function drawHistograms(result) {
  const { scan, events, files, spectra } = result;
  const energies = isFixedEnergy(scan)
    ? `√*s* = ${scan.minEnergy} GeV`
    : `√*s* = ${scan.minEnergy}–${scan.maxEnergy} GeV`;
  return drawFigure({
    width: WIDTH,
    height: HEIGHT,
    title: "Dimuon mass and cos theta of e+ e- to mu+ mu-, simulated and exact",
    body: [
      heading(
        "*e*^{+}*e*^{−} → *μ*^{+}*μ*^{−}",
        `${energies}, ${group(events)} events from ${files} ${files === 1 ? "file" : "files"}`,
        LEFT,
      ),
      ...(spectra.mass ? massPanels(result, spectra.mass) : [energyPanel(result)]),
      heading("", `*A*_{FB} = ${signed(result.asymmetry.value)} ± ${result.asymmetry.error.toFixed(4)}`, RIGHT),
      ...cosThetaPanels(result),
    ],
  });
}

/**
 * @param {Result} result
 * @param {Spectrum} mass
 */
function massPanels(result, mass) {
  const { minEnergy, maxEnergy } = result.scan;
  const measured = density(mass, result.crossSection.value * (maxEnergy - minEnergy));
  const curve = crossSectionCurve(result.scan);
  const highest = Math.max(...curve.map(({ y }) => y));
  const lowest = Math.min(...curve.map(({ y }) => y));
  const log = highest / lowest > 15;
  const xAxis = { min: minEnergy, max: maxEnergy };
  return [
    drawPanel({
      box: { x: LEFT, ...MAIN },
      xAxis: { ...xAxis, bare: true },
      yAxis: { min: log ? lowest / 2.2 : 0, max: highest * (log ? 3 : 1.3), log, label: "*σ*(*m*_{*μμ*})  [nb]" },
      series: [
        { kind: "curve", points: curve, colour: EXACT, label: "exact, tree level" },
        { kind: "points", points: measured, colour: SIMULATED, label: "simulated" },
      ],
      legend: { x: 18, y: 22 },
      notes: [agreement(mass)],
    }),
    drawRatio(mass, { x: LEFT, axis: { ...xAxis, label: "*m*(*μ*^{+}*μ*^{−})  [GeV]" } }),
  ];
}

/** @param {Result} result */
function cosThetaPanels(result) {
  const { cosTheta } = result.spectra;
  const measured = density(cosTheta, result.crossSection.value);
  const curve = angularCurve(result);
  const highest = Math.max(...curve.map(({ y }) => y), ...measured.map(({ y }) => y));
  const xAxis = { min: -1, max: 1, ticks: 5 };
  return [
    drawPanel({
      box: { x: RIGHT, ...MAIN },
      xAxis: { ...xAxis, bare: true },
      yAxis: { min: 0, max: highest * 1.32, label: "d*σ*/d cos*θ*  [nb]" },
      series: [
        { kind: "curve", points: curve, colour: EXACT, label: "exact, tree level" },
        { kind: "points", points: measured, colour: SIMULATED, label: "simulated" },
      ],
      legend: { x: 140, y: 22 },
      notes: [agreement(cosTheta)],
    }),
    drawRatio(cosTheta, { x: RIGHT, axis: { ...xAxis, label: "cos*θ*(*e*^{−}, *μ*^{−})" } }),
  ];
}

/** With one energy there is no spectrum: show where on the curve the measurement lies. @param {Result} result */
function energyPanel({ scan, crossSection: { value, error } }) {
  const around = { minEnergy: Math.max(scan.minEnergy - 20, 1), maxEnergy: scan.minEnergy + 20 };
  const curve = crossSectionCurve(around);
  const values = curve.map(({ y }) => y);
  return drawPanel({
    box: { x: LEFT, y: MAIN.y, width: MAIN.width, height: RATIO.y + RATIO.height - MAIN.y },
    xAxis: { min: around.minEnergy, max: around.maxEnergy, label: "√*s*  [GeV]" },
    yAxis: { min: Math.min(...values) / 2.2, max: Math.max(...values) * 3, log: true, label: "*σ*  [nb]" },
    series: [
      { kind: "curve", points: curve, colour: EXACT, label: "exact, tree level" },
      {
        kind: "points",
        points: [{ x: scan.minEnergy, y: value, yError: error }],
        colour: SIMULATED,
        label: "simulated",
      },
    ],
    legend: { x: 18, y: 22 },
  });
}

/**
 * @param {Spectrum} spectrum
 * @param {{ x: number, axis: import("../figure/panel.mjs").Axis }} place
 */
function drawRatio(spectrum, { x, axis }) {
  const total = sum(spectrum.sumW);
  const points = spectrum.exactShares.map((share, bin) => ({
    ...centre(spectrum, bin),
    y: Number(spectrum.sumW[bin]) / (share * total),
    yError: Math.sqrt(Number(spectrum.sumW2[bin])) / (share * total),
  }));
  const reach = Math.max(...points.map(({ y, yError }) => Math.abs(y - 1) + yError));
  const half = [0.02, 0.05, 0.1, 0.2, 0.5, 1].find((limit) => limit > reach) ?? 1;
  return drawPanel({
    box: { x, ...RATIO },
    xAxis: axis,
    yAxis: { min: 1 - half * 1.2, max: 1 + half * 1.2, ticks: 3, label: "sim. / exact" },
    series: [
      {
        kind: "curve",
        points: [
          { x: axis.min, y: 1 },
          { x: axis.max, y: 1 },
        ],
        colour: EXACT,
      },
      { kind: "points", points, colour: SIMULATED },
    ],
  });
}

/**
 * A histogram divided by its bin widths and scaled so that its integral is `integral`.
 * @param {Spectrum} spectrum
 * @param {number} integral
 */
function density(spectrum, integral) {
  const total = sum(spectrum.sumW);
  return spectrum.sumW.flatMap((content, bin) => {
    const { x, xError } = centre(spectrum, bin);
    const scale = integral / total / (2 * xError);
    return content > 0
      ? [{ x, xError, y: content * scale, yError: Math.sqrt(Number(spectrum.sumW2[bin])) * scale }]
      : [];
  });
}

/** @param {Result} result */
function angularCurve({ asymmetry, crossSection: { exact } }) {
  return Array.from({ length: 201 }, (_, index) => {
    const c = -1 + index / 100;
    return { x: c, y: exact * ((3 / 8) * (1 + c ** 2) + asymmetry.exact * c) };
  });
}

/**
 * @param {Spectrum} spectrum
 * @param {number} bin
 */
function centre({ edges }, bin) {
  const [from, to] = [Number(edges[bin]), Number(edges[bin + 1])];
  return { x: (from + to) / 2, xError: (to - from) / 2 };
}

/**
 * @param {string} left
 * @param {string} right
 * @param {number} x
 */
function heading(left, right, x) {
  return (
    drawText(left, { x, y: MAIN.y - 14, size: 19 }) +
    drawText(right, { x: x + MAIN.width, y: MAIN.y - 14, size: 14, anchor: "end", colour: "#444" })
  );
}

/** @param {Spectrum} spectrum */
function agreement({ agreement: { chi2, dof, probability } }) {
  return `*χ*^{2}/dof = ${chi2.toFixed(1)}/${dof}, *p* = ${probability.toFixed(2)}`;
}

/** @param {number} value */
function signed(value) {
  return value.toFixed(4).replace("-", "−");
}

/** @param {number} value */
function group(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u2009");
}

/** @param {readonly number[]} values */
function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
