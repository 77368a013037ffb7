import { type AppColours, assignColours } from "./app-colours.ts";
import { drawGantt } from "./gantt.ts";
import { escapeMarkup, px, textWidth } from "./markup.ts";
import { drawOccupancy } from "./occupancy-panel.ts";
import { allocationSpans, countSlots, findLeast, writeHeadline, writeSummary } from "./run-summary.ts";
import type { Paper, TaskInterval, UtilisationInput } from "./task-interval.ts";
import { makeTimeAxis } from "./time-axis.ts";

const WIDTH = 1000;
const LEFT = 92;
const PLOT_WIDTH = WIDTH - LEFT - 24;
const FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

/**
 * Draw a run as SVG: how busy the slots were, stacked by app, over which task ran where. It stays readable and below 1 MB from no
 * task to very many: what is thinner than a pixel is merged, but failures always show.
 */
export function drawUtilisation(given: UtilisationInput): string {
  // A clock that was set back must not turn the picture inside out.
  const intervals = given.intervals.map((one) => ({ ...one, endMs: Math.max(one.endMs, one.startMs) }));
  const input = { ...given, intervals };
  const spans = allocationSpans(input);
  const fromMs = findLeast([...spans, ...intervals].map(({ startMs }) => startMs)) ?? 0;
  const toMs = Math.max(-(findLeast([...spans, ...intervals].map(({ endMs }) => -endMs)) ?? -1), fromMs + 1);
  const place = (ms: number) => ((ms - fromMs) / (toMs - fromMs)) * PLOT_WIDTH;
  const paper: Paper = { left: LEFT, width: PLOT_WIDTH, place };
  const colours = assignColours(intervals);

  const slotCount = countSlots(input);
  const legend = drawLegend(intervals, colours);
  const top = 66 + 22 * legend.lines;
  const occupancy = drawOccupancy({ intervals, colours, slotCount, fromMs, toMs, paper, top, spans });
  const gantt = drawGantt({ intervals, colours, slots: input.slots, paper, top: occupancy.bottom + 16, spans });
  const height = gantt.bottom + 56;
  const body = [
    `<text x="${LEFT}" y="30" font-size="17" font-weight="600">${escapeMarkup(writeHeadline(input, spans, slotCount))}</text>`,
    `<text x="${LEFT}" y="50" font-size="13" fill="#5b6470">${escapeMarkup(writeSummary(input, toMs - fromMs))}</text>`,
    legend.svg,
    occupancy.svg,
    gantt.svg,
    drawTimeAxis({ paper, fromMs, toMs, top, bottom: gantt.bottom }),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${px(height)}" width="${WIDTH}" height="${px(height)}" role="img" font-family="${FONT}" fill="#1c2128">
<title>Utilisation of the slots and tasks against time</title>
${HATCHES}
<rect width="${WIDTH}" height="${px(height)}" fill="#fff"/>
${body.join("\n")}
</svg>
`;
}

function drawLegend(intervals: readonly TaskInterval[], { legend }: AppColours): { svg: string; lines: number } {
  const outcomes = new Set(intervals.map(({ outcome }) => outcome));
  const entries = [
    ...legend.map(({ name, colour }) => ({
      name: shorten(name),
      key: (at: string) => `<rect ${at} fill="${colour}"/>`,
    })),
    ...(["failed", "killed"] as const)
      .filter((outcome) => outcomes.has(outcome))
      .map((outcome) => ({
        name: outcome,
        key: (at: string) => `<rect ${at} fill="#c3c9d1"/><rect ${at} fill="url(#conifer-${outcome})"/>`,
      })),
  ];
  let [x, line] = [LEFT, 0];
  const svg = entries.map(({ name, key }) => {
    const width = 42 + textWidth(name, 13);
    if (x + width > LEFT + PLOT_WIDTH) [x, line] = [LEFT, line + 1];
    const y = 64 + 22 * line;
    const drawn = `${key(`x="${px(x)}" y="${y}" width="13" height="13" rx="2"`)}<text x="${px(x + 19)}" y="${y + 11}" font-size="13">${escapeMarkup(name)}</text>`;
    x += width;
    return drawn;
  });
  return { svg: svg.join(""), lines: entries.length > 0 ? line + 1 : 0 };
}

function shorten(name: string): string {
  return name.length > 32 ? `${name.slice(0, 31)}…` : name;
}

function drawTimeAxis({
  paper,
  fromMs,
  toMs,
  top,
  bottom,
}: {
  paper: Paper;
  fromMs: number;
  toMs: number;
  top: number;
  bottom: number;
}): string {
  const { unit, ticks } = makeTimeAxis(toMs - fromMs, 10);
  const lines = ticks.map(({ atMs }) => `M${px(LEFT + paper.place(fromMs + atMs))} ${px(bottom)}v5`);
  const labels = ticks.map(
    ({ atMs, label }) =>
      `<text x="${px(LEFT + paper.place(fromMs + atMs))}" y="${px(bottom + 20)}" text-anchor="middle">${label}</text>`,
  );
  const grid = ticks.slice(1).map(({ atMs }) => `M${px(LEFT + paper.place(fromMs + atMs))} ${px(top)}V${px(bottom)}`);
  return (
    `<path d="${grid.join("")}" stroke="#1c2128" stroke-opacity=".07"/><path d="${lines.join("")}" stroke="#5b6470"/>` +
    `<g font-size="12" fill="#39414b">${labels.join("")}</g>` +
    `<text x="${LEFT + PLOT_WIDTH}" y="${px(bottom + 42)}" font-size="13" text-anchor="end">time since the start [${unit}]</text>`
  );
}

/** The same in every figure, so that two of them on one page cannot disagree about an id. */
const HATCHES = `<defs>
<pattern id="conifer-failed" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#fff" fill-opacity=".35"/><rect width="2.6" height="6" fill="#c4122f"/></pattern>
<pattern id="conifer-killed" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect width="6" height="6" fill="#fff" fill-opacity=".35"/><rect width="2.6" height="6" fill="#3a4048"/></pattern>
</defs>`;
