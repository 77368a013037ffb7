import type { AppColours } from "./app-colours.ts";
import { px } from "./markup.ts";
import { meanOccupancy } from "./occupancy.ts";
import type { AllocationSpan, Paper, TaskInterval } from "./task-interval.ts";

const HEIGHT = 170;
/** Pixels over which many tasks are averaged: sharp edges are for few tasks, for many they are noise. */
const CALM = 5;

/** What the upper panel needs. */
export interface OccupancyPanel {
  readonly intervals: readonly TaskInterval[];
  readonly colours: AppColours;
  readonly slotCount: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly spans: readonly AllocationSpan[];
  readonly paper: Paper;
  readonly top: number;
}

/** The share of slots that were busy against time, stacked by app; each column is the mean over the time it stands for. */
export function drawOccupancy(panel: OccupancyPanel): { svg: string; bottom: number } {
  const { intervals, colours, slotCount, fromMs, toMs, paper, top } = panel;
  const columnWidth = intervals.length > paper.width / CALM ? CALM : 1;
  const columns = Math.round(paper.width / columnWidth);
  const byColour = new Map<string, TaskInterval[]>();
  for (const { colour } of colours.legend) byColour.set(colour, []);
  for (const interval of intervals) byColour.get(colours.colourOf(interval.group))?.push(interval);

  const layers = [...byColour].map(([colour, own]) => ({
    colour,
    shares: meanOccupancy({ intervals: own, fromMs, toMs, columns }).map((busy) => busy / Math.max(slotCount, 1)),
  }));
  const highest = layers
    .reduce((sum, { shares }) => sum.map((value, column) => value + (shares[column] ?? 0)), new Float64Array(columns))
    .reduce((most, value) => Math.max(most, value), 0);
  // Packed tasks can share a slot; then more than all slots are busy.
  const ceiling = highest > 1.005 ? Math.ceil(highest * 4) / 4 : 1;
  const y = (share: number) => top + HEIGHT * (1 - share / ceiling);

  let below = new Float64Array(columns);
  const areas = layers.map(({ colour, shares }) => {
    const above = below.map((value, column) => value + (shares[column] ?? 0));
    const path = drawArea({ above, below, left: paper.left, columnWidth: paper.width / columns, y });
    below = above;
    return path && `<path d="${path}" fill="${colour}"/>`;
  });
  return {
    svg: [drawBackground(panel), ...areas, drawShares({ paper, ceiling, y })].join(""),
    bottom: top + HEIGHT,
  };
}

function drawBackground({ spans, paper, top }: OccupancyPanel): string {
  return spans
    .map(({ startMs, endMs }) => {
      const left = paper.place(startMs);
      return `<rect x="${px(paper.left + left)}" y="${px(top)}" width="${px(paper.place(endMs) - left)}" height="${HEIGHT}" fill="#f1f3f5"/>`;
    })
    .join("");
}

interface Area {
  readonly above: Float64Array;
  readonly below: Float64Array;
  readonly left: number;
  readonly columnWidth: number;
  readonly y: (share: number) => number;
}

/** A closed path along the upper edge and back along the lower; columns that look alike become one line. */
function drawArea({ above, below, left, columnWidth, y }: Area): string {
  if (above.every((value, column) => value - (below[column] ?? 0) < 1e-9)) return "";
  const columns = above.length;
  let forth = "";
  let back = "";
  let previous = "";
  for (let column = 0; column < columns; column++) {
    const level = px(y(above[column] ?? 0));
    if (level !== previous)
      forth += column === 0 ? `M${left} ${level}` : `H${px(left + column * columnWidth)}V${level}`;
    previous = level;
  }
  previous = "";
  for (let column = columns - 1; column >= 0; column--) {
    const level = px(y(below[column] ?? 0));
    if (level !== previous) back += `H${px(left + (column + 1) * columnWidth)}V${level}`;
    previous = level;
  }
  return `${forth}${back}H${left}Z`;
}

function drawShares({ paper, ceiling, y }: { paper: Paper; ceiling: number; y: (share: number) => number }): string {
  const { left, width } = paper;
  const shares = [0, 0.25, 0.5, 0.75, 1, ...(ceiling > 1 ? [ceiling] : [])];
  const grid = shares.map((share) => `M${left} ${px(y(share))}h${width}`).join("");
  const labels = shares
    .filter((share) => share * 2 === Math.round(share * 2) || share === ceiling)
    .map(
      (share) => `<text x="${left - 8}" y="${px(y(share) + 4)}" text-anchor="end">${Math.round(100 * share)} %</text>`,
    );
  const middle = px((y(0) + y(ceiling)) / 2);
  return (
    `<path d="${grid}" stroke="#1c2128" stroke-opacity=".07"/>` +
    `<path d="M${left} ${px(y(0))}h${width}" stroke="#5b6470"/>` +
    `<path d="M${left} ${px(y(1))}h${width}" stroke="#5b6470" stroke-dasharray="3 3"/>` +
    `<g font-size="12" fill="#39414b">${labels.join("")}</g>` +
    `<text x="20" y="${middle}" font-size="13" text-anchor="middle" transform="rotate(-90 20 ${middle})">slots busy</text>`
  );
}
