import type { AppColours } from "./app-colours.ts";
import { type Bar, makeBars } from "./gantt-bars.ts";
import { escapeMarkup, px, textWidth } from "./markup.ts";
import type { AllocationSpan, NodeSlots, Paper, TaskInterval } from "./task-interval.ts";
import { describeDuration } from "./time-axis.ts";

/** What the lower panel needs. */
export interface GanttPanel {
  readonly intervals: readonly TaskInterval[];
  readonly colours: AppColours;
  readonly slots: readonly NodeSlots[];
  readonly spans: readonly AllocationSpan[];
  readonly paper: Paper;
  readonly top: number;
}

const MOST_HEIGHT = 420;
const ROW_HEIGHT = { least: 2, most: 22 };
/** About 25 bytes each: the whole stays well below 1 MB. */
const MAX_BARS = 20_000;
/** Up to so many bars, each tells its task when pointed at. */
const MAX_TITLES = 1500;
/** Narrower or lower than this, a hatch cannot be read and a plain colour stands for it. */
const LEAST_HATCHED = 5;
/** Nodes closer together than this are not told apart by lines, which would hide their tasks. */
const LEAST_DIVIDED = 14;

/** Which task ran on which slot when: a row for each slot, or for a few of them if they are many. */
export function drawGantt(panel: GanttPanel): { svg: string; bottom: number } {
  const { intervals, colours, paper, top } = panel;
  const nodes = layOut(panel);
  const slotCount = nodes.reduce((sum, { count }) => sum + count, 0);
  const rowCount = Math.min(Math.max(slotCount, 1), MOST_HEIGHT / ROW_HEIGHT.least);
  const rowHeight = Math.min(MOST_HEIGHT / rowCount, ROW_HEIGHT.most);
  const height = rowCount * rowHeight;
  const firstSlot = new Map(nodes.map(({ node, first }) => [node, first]));

  const bars = makeBars(intervals, {
    rowOf: ({ node, slot }) => Math.floor((((firstSlot.get(node) ?? 0) + slot) / slotCount) * rowCount),
    colourOf: colours.colourOf,
    place: paper.place,
    maxBars: MAX_BARS,
  });
  const gap = rowHeight >= 5 ? 1 : 0;
  const rows: Rows = { left: paper.left, top, rowHeight, barHeight: rowHeight - gap };
  return {
    svg: [
      drawBackground(panel, height),
      bars.length <= MAX_TITLES ? bars.map((bar) => drawTitled(bar, rows)).join("") : drawMerged(bars, rows),
      drawNodes({ nodes, paper, top, slotHeight: height / Math.max(slotCount, 1), height }),
    ].join(""),
    bottom: top + height,
  };
}

interface LaidOutNode {
  readonly node: string;
  readonly count: number;
  readonly first: number;
}

interface Rows {
  readonly left: number;
  readonly top: number;
  readonly rowHeight: number;
  readonly barHeight: number;
}

/** The nodes with the number of their first slot; nodes and slots that only the tasks know are added. */
function layOut({ slots, intervals }: GanttPanel): LaidOutNode[] {
  const counts = new Map<string, number>();
  for (const { node, count } of slots) counts.set(node, Math.max(counts.get(node) ?? 0, count));
  for (const { node, slot } of intervals) counts.set(node, Math.max(counts.get(node) ?? 0, slot + 1));
  let first = 0;
  return [...counts].map(([node, count]) => {
    first += count;
    return { node, count, first: first - count };
  });
}

function drawBackground({ spans, paper, top }: GanttPanel, height: number): string {
  return spans
    .map(({ startMs, endMs }) => {
      const left = paper.place(startMs);
      return `<rect x="${px(paper.left + left)}" y="${px(top)}" width="${px(paper.place(endMs) - left)}" height="${px(height)}" fill="#f1f3f5"/>`;
    })
    .join("");
}

function drawTitled(bar: Bar, rows: Rows): string {
  const { task } = bar;
  const rect = outline(bar, rows);
  const at = `x="${px(rect.x)}" y="${px(rect.y)}" width="${px(rect.width)}" height="${px(rect.height)}"`;
  const fill = fillOf(bar, rect);
  const layers = fill.startsWith("url") ? [bar.colour, fill] : [fill];
  const shapes = layers.map((colour) => `<rect ${at} fill="${colour}"/>`).join("");
  if (task === undefined) return shapes;
  const took = describeDuration(Math.max(task.endMs - task.startMs, 0));
  const where = `${task.node}, slot ${task.slot}`;
  const title = `<title>${escapeMarkup(`${task.label} (${task.group})\n${took}, ${task.outcome}, ${where}`)}</title>`;
  return `<g>${title}${shapes}${drawLabel(task, rect, bar.outcome)}</g>`;
}

function drawLabel(task: TaskInterval, { x, y, width, height }: Rect, outcome: TaskInterval["outcome"]): string {
  const fits = (task.part ?? 0) === 0 && height >= 13 && width >= textWidth(task.label, 11) + 10 && outcome === "ok";
  if (!fits) return "";
  return `<text x="${px(x + 5)}" y="${px(y + height / 2 + 4)}" font-size="11" fill="#fff">${escapeMarkup(task.label)}</text>`;
}

/** Thousands of bars as one path for each fill: first the apps' colours, then what marks failures, on top of them. */
function drawMerged(bars: readonly Bar[], rows: Rows): string {
  const colours = new Map<string, string[]>();
  const marks = new Map<string, string[]>();
  for (const bar of bars) {
    const rect = outline(bar, rows);
    const shape = `M${px(rect.x)} ${px(rect.y)}h${px(rect.width)}v${px(rect.height)}h-${px(rect.width)}z`;
    const fill = fillOf(bar, rect);
    if (bar.outcome === "ok" || fill.startsWith("url")) append(colours, bar.colour, shape);
    if (bar.outcome !== "ok") append(marks, fill, shape);
  }
  return [...colours, ...marks].map(([fill, shapes]) => `<path d="${shapes.join("")}" fill="${fill}"/>`).join("");
}

function append(lists: Map<string, string[]>, key: string, item: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A bar on the paper, with a hair's breadth between it and the next if there is room for one. */
function outline({ row, left, right }: Bar, rows: Rows): Rect {
  const width = right - left;
  return {
    x: rows.left + left,
    y: rows.top + row * rows.rowHeight,
    width: width > 4 ? width - 0.6 : width,
    height: rows.barHeight,
  };
}

function fillOf({ colour, outcome }: Bar, { width, height }: Rect): string {
  if (outcome === "ok") return colour;
  if (Math.min(width, height) >= LEAST_HATCHED) return `url(#conifer-${outcome})`;
  return outcome === "failed" ? "#c4122f" : "#3a4048";
}

interface NodeLabels {
  readonly nodes: readonly LaidOutNode[];
  readonly paper: Paper;
  readonly top: number;
  readonly slotHeight: number;
  readonly height: number;
}

/** Node names as far as there is room, and a line between nodes unless the lines would hide the tasks. */
function drawNodes({ nodes, paper, top, slotHeight, height }: NodeLabels): string {
  const smallest = Math.min(...nodes.map(({ count }) => count)) * slotHeight;
  const lines =
    smallest >= LEAST_DIVIDED
      ? nodes.slice(1).map(({ first }) => `M${paper.left} ${px(top + first * slotHeight)}h${paper.width}`)
      : [];
  const step = Math.max(1, Math.ceil(14 / Math.max(height / Math.max(nodes.length, 1), 1e-9)));
  const labels = nodes
    .filter((_, index) => index % step === 0)
    .map(({ node, first, count }) => {
      const middle = top + (first + count / 2) * slotHeight;
      const name = node.length > 10 ? `${node.slice(0, 4)}…${node.slice(-5)}` : node;
      return `<text x="${paper.left - 8}" y="${px(middle + 4)}" text-anchor="end">${escapeMarkup(name)}</text>`;
    });
  const middle = px(top + height / 2);
  return (
    `<path d="${lines.join("")}" stroke="#5b6470" stroke-opacity=".55"/>` +
    `<path d="M${paper.left} ${px(top + height)}h${paper.width}" stroke="#5b6470"/>` +
    `<g font-size="12" fill="#39414b">${labels.join("")}</g>` +
    `<text x="20" y="${middle}" font-size="13" text-anchor="middle" transform="rotate(-90 20 ${middle})">node</text>`
  );
}
