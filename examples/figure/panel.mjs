// @ts-check
// One panel of a figure in the manner of a journal: a closed frame, ticks inward on all sides, points with error bars, curves
// and a legend.
import { makeScale } from "./scale.mjs";
import { drawText, short } from "./text.mjs";

/** @typedef {{ x: number, y: number, xError?: number, yError?: number }} Point */
/** @typedef {{ kind: "points", points: readonly Point[], colour: string, label?: string, hollow?: boolean, radius?: number }
 *  | { kind: "curve", points: readonly Point[], colour: string, label?: string, dashed?: boolean }
 *  | { kind: "band", from: number, to: number, colour: string, label?: string }} Series a band spans x from..to */
/** @typedef {import("./scale.mjs").Range & { label?: string, ticks?: number, bare?: boolean }} Axis `bare` hides the numbers */
/** @typedef {{ box: { x: number, y: number, width: number, height: number }, xAxis: Axis, yAxis: Axis,
 *   series: readonly Series[], legend?: { x: number, y: number }, notes?: readonly string[] }} Panel legend in pixels from the
 *   upper left corner; notes follow it */

/**
 * Draw a panel; every panel of a figure needs its own box.
 * @param {Panel} panel
 */
export function drawPanel({ box, xAxis, yAxis, series, legend, notes = [] }) {
  const xScale = makeScale(xAxis, xAxis.ticks ?? 6);
  const yScale = makeScale(yAxis, yAxis.ticks ?? 5);
  const px = (/** @type {number} */ value) => box.x + box.width * xScale.place(value);
  const py = (/** @type {number} */ value) => box.y + box.height * (1 - yScale.place(value));
  const clip = `clip-${Math.round(box.x)}-${Math.round(box.y)}`;
  const frame = `x="${short(box.x)}" y="${short(box.y)}" width="${short(box.width)}" height="${short(box.height)}"`;
  return [
    `<clipPath id="${clip}"><rect ${frame}/></clipPath>`,
    `<g clip-path="url(#${clip})">`,
    ...series.map((one) => drawSeries(one, { box, px, py })),
    "</g>",
    drawTicks({ box, px, py, xScale, yScale }),
    `<rect ${frame} fill="none" stroke="#111" stroke-width="1.2"/>`,
    drawNumbers({ box, px, py, xScale, yScale, xAxis, yAxis }),
    legend ? drawLegend(series, notes, { x: box.x + legend.x, y: box.y + legend.y }) : "",
  ].join("\n");
}

/** @typedef {{ box: Panel["box"], px: (value: number) => number, py: (value: number) => number }} Paper */

/**
 * @param {Series} series
 * @param {Paper} paper
 */
function drawSeries(series, { box, px, py }) {
  if (series.kind === "band") {
    const [left, right] = [px(series.from), px(series.to)];
    return `<rect x="${short(left)}" y="${box.y}" width="${short(right - left)}" height="${box.height}" fill="${series.colour}"/>`;
  }
  if (series.kind === "curve") {
    const path = series.points.map(({ x, y }, index) => `${index ? "L" : "M"}${short(px(x))} ${short(py(y))}`).join("");
    const dash = series.dashed ? ' stroke-dasharray="5 4"' : "";
    return `<path d="${path}" fill="none" stroke="${series.colour}" stroke-width="1.8" stroke-linejoin="round"${dash}/>`;
  }
  const bars = series.points.map(({ x, y, xError = 0, yError = 0 }) => {
    const across = xError ? `M${short(px(x - xError))} ${short(py(y))}H${short(px(x + xError))}` : "";
    const up = yError ? `M${short(px(x))} ${short(py(y - yError))}V${short(py(y + yError))}` : "";
    return across + up;
  });
  const dots = series.points.map(
    ({ x, y }) => `<circle cx="${short(px(x))}" cy="${short(py(y))}" r="${series.radius ?? RADIUS}"/>`,
  );
  const fill = series.hollow ? "#fff" : series.colour;
  return (
    `<path d="${bars.join("")}" fill="none" stroke="${series.colour}" stroke-width="1.1"/>` +
    `<g fill="${fill}" stroke="${series.colour}" stroke-width="1.1">${dots.join("")}</g>`
  );
}

const RADIUS = 2.3;
/** The same for every panel, so that labels of panels above one another line up. */
const LABEL_DISTANCE = 56;

/** @param {Paper & { xScale: import("./scale.mjs").Scale, yScale: import("./scale.mjs").Scale }} paper */
function drawTicks({ box, px, py, xScale, yScale }) {
  const [left, right, top, bottom] = [box.x, box.x + box.width, box.y, box.y + box.height];
  const vertical = (/** @type {number} */ value, /** @type {number} */ size) =>
    `M${short(px(value))} ${short(bottom)}v${-size}M${short(px(value))} ${short(top)}v${size}`;
  const horizontal = (/** @type {number} */ value, /** @type {number} */ size) =>
    `M${short(left)} ${short(py(value))}h${size}M${short(right)} ${short(py(value))}h${-size}`;
  const path = [
    ...xScale.major.map(({ value }) => vertical(value, 8)),
    ...xScale.minor.map((value) => vertical(value, 4)),
    ...yScale.major.map(({ value }) => horizontal(value, 8)),
    ...yScale.minor.map((value) => horizontal(value, 4)),
  ].join("");
  return `<path d="${path}" fill="none" stroke="#111" stroke-width="1"/>`;
}

/** @param {Paper & { xScale: import("./scale.mjs").Scale, yScale: import("./scale.mjs").Scale, xAxis: Axis, yAxis: Axis }} paper */
function drawNumbers({ box, px, py, xScale, yScale, xAxis, yAxis }) {
  const bottom = box.y + box.height;
  const xNumbers = xAxis.bare
    ? []
    : xScale.major.map(({ value, label }) =>
        drawText(label, { x: px(value), y: bottom + 19, size: 14, anchor: "middle" }),
      );
  const yNumbers = yScale.major.map(({ value, label }) =>
    drawText(label, { x: box.x - 8, y: py(value) + 5, size: 14, anchor: "end" }),
  );
  const xLabel =
    xAxis.label && drawText(xAxis.label, { x: box.x + box.width, y: bottom + 42, size: 16, anchor: "end" });
  const yLabel =
    yAxis.label && drawText(yAxis.label, { x: box.x - LABEL_DISTANCE, y: box.y, size: 16, anchor: "end", rotate: -90 });
  return [...xNumbers, ...yNumbers, xLabel ?? "", yLabel ?? ""].join("");
}

/**
 * @param {readonly Series[]} series
 * @param {readonly string[]} notes
 * @param {{ x: number, y: number }} corner
 */
function drawLegend(series, notes, { x, y }) {
  const named = series.filter(({ label }) => label);
  const entries = named.map((one, index) => {
    const line = y + 22 * index;
    return drawKey(one, x, line) + drawText(one.label ?? "", { x: x + 40, y: line + 5, size: 14 });
  });
  const lines = notes.map((note, index) =>
    drawText(note, { x, y: y + 22 * named.length + 5 + 20 * index, size: 13, colour: "#444" }),
  );
  return [...entries, ...lines].join("");
}

/**
 * @param {Series} series
 * @param {number} x
 * @param {number} y
 */
function drawKey(series, x, y) {
  if (series.kind === "band")
    return `<rect x="${short(x)}" y="${short(y - 7)}" width="30" height="14" fill="${series.colour}"/>`;
  if (series.kind === "curve") {
    const dash = series.dashed ? ' stroke-dasharray="5 4"' : "";
    return `<path d="M${short(x)} ${short(y)}h30" stroke="${series.colour}" stroke-width="1.8"${dash}/>`;
  }
  const fill = series.hollow ? "#fff" : series.colour;
  const bar = series.points.some(({ yError }) => yError)
    ? `<path d="M${short(x + 15)} ${short(y - 8)}v16" stroke="${series.colour}" stroke-width="1.1"/>`
    : "";
  return (
    `${bar}<circle cx="${short(x + 15)}" cy="${short(y)}" r="${series.radius ?? RADIUS}" fill="${fill}" ` +
    `stroke="${series.colour}" stroke-width="1.1"/>`
  );
}
