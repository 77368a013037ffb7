// @ts-check
// The melting curve: energy per atom and the atoms' movement against temperature.
import { drawPanel } from "../figure/panel.mjs";
import { drawFigure, drawText } from "../figure/text.mjs";

/** @typedef {import("./melting.mjs").JudgedRun} JudgedRun */

const CRYSTAL = "#1f5a96";
const LIQUID = "#c4122f";
const BAND = "#ece4d2";
const BOX = { y: 50, width: 430, height: 400 };
const LEFT = 100;
const RIGHT = 660;
/** Lindemann's rule: crystals melt when atoms move by about this share of the distance to their neighbours. */
const LINDEMANN = 0.15;

/**
 * The figure as SVG.
 * @param {readonly JudgedRun[]} runs
 * @param {import("./melting.mjs").Transition | undefined} transition
 */
export function drawMeltingCurve(runs, transition) {
  const temperatures = runs.map(({ temperature }) => temperature);
  const margin = Math.max((Math.max(...temperatures) - Math.min(...temperatures)) * 0.06, 0.01);
  const range = { min: Math.min(...temperatures) - margin, max: Math.max(...temperatures) + margin };
  const xAxis = { ...range, label: "temperature  *kT*/*ε*" };
  const band = transition && widen(transition, margin);
  const [first] = runs;
  return drawFigure({
    width: 1120,
    height: 515,
    title: "Melting of a Lennard-Jones crystal: energy and displacement against temperature",
    body: [
      drawText(`Lennard-Jones, ${first?.atoms} atoms`, { x: LEFT, y: 36, size: 17 }),
      drawText(`*Pσ*^{3}/*ε* = ${first?.pressure}, ${runs.length} runs`, {
        x: LEFT + BOX.width,
        y: 36,
        size: 14,
        anchor: "end",
        colour: "#444",
      }),
      drawPanel({
        box: { x: LEFT, ...BOX },
        xAxis,
        yAxis: {
          ...pad(runs.map(({ potentialEnergy }) => potentialEnergy)),
          label: "potential energy per atom  *U*/*Nε*",
        },
        series: [...(band ? [band] : []), ...phases(runs, ({ potentialEnergy }) => potentialEnergy)],
        legend: { x: 18, y: 22 },
        notes: transition
          ? [`heat of fusion ${transition.heatOfFusion.toFixed(2)} *ε* per atom`]
          : ["no transition in this range"],
      }),
      drawPanel({
        box: { x: RIGHT, ...BOX },
        xAxis,
        yAxis: { ...logRange(runs.map(({ lindemann }) => lindemann)), label: "r.m.s. amplitude / neighbour distance" },
        series: [
          ...(band ? [{ ...band, label: "" }] : []),
          {
            kind: "curve",
            points: [
              { x: range.min, y: LINDEMANN },
              { x: range.max, y: LINDEMANN },
            ],
            colour: "#777",
            dashed: true,
            label: `Lindemann's rule, ${LINDEMANN}`,
          },
          ...phases(runs, ({ lindemann }) => lindemann),
        ],
        legend: { x: 18, y: 22 },
      }),
    ],
  });
}

/**
 * @param {readonly JudgedRun[]} runs
 * @param {(run: JudgedRun) => number} quantity
 * @returns {import("../figure/panel.mjs").Series[]}
 */
function phases(runs, quantity) {
  const points = (/** @type {boolean} */ melted) =>
    runs.filter((run) => run.melted === melted).map((run) => ({ x: run.temperature, y: quantity(run) }));
  return [
    { kind: "points", points: points(false), colour: CRYSTAL, radius: 3.4, label: "crystal" },
    { kind: "points", points: points(true), colour: LIQUID, radius: 3.4, label: "liquid", hollow: true },
  ];
}

/**
 * The band between the hottest crystal and the coolest liquid, wide enough to see.
 * @param {import("./melting.mjs").Transition} transition
 * @param {number} margin
 * @returns {import("../figure/panel.mjs").Series}
 */
function widen({ temperature, uncertainty }, margin) {
  const half = Math.max(uncertainty, margin / 20);
  const label = `melts at ${temperature.toFixed(2)} ± ${uncertainty.toFixed(2)}`;
  return { kind: "band", from: temperature - half, to: temperature + half, colour: BAND, label };
}

/** @param {readonly number[]} values */
function pad(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const space = Math.max(high - low, 0.1);
  return { min: low - 0.08 * space, max: high + 0.45 * space };
}

/** @param {readonly number[]} values */
function logRange(values) {
  return { min: Math.min(...values, LINDEMANN) / 1.5, max: Math.max(...values, LINDEMANN) * 8, log: true };
}
