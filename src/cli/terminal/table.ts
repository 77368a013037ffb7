import { type Paint, plain, type Style } from "./colour.ts";
import { cells, clean, cut, pad } from "./text.ts";

export type Column<Row> = {
  readonly title: string;
  readonly value: (row: Row) => string | number | null;
  readonly style?: (row: Row) => Style | null;
  readonly align?: "left" | "right";
  /** Cells it may be cut down to where the terminal is narrow. Default: not cut. */
  readonly least?: number;
  /** Left out where the terminal is too narrow even then; the highest goes first. Default: stays. */
  readonly drop?: number;
};

export type TableOptions = {
  /** Cells of a line; null = as many as it takes (not a terminal). */
  readonly width: number | null;
  readonly paint?: Paint;
};

const GAP = 2;

/** A table as text, one line a row, each ending in a line feed; columns are cut and left out until it fits the width. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], options: TableOptions): string {
  const paint = options.paint ?? plain;
  const texts = columns.map((column) => rows.map((row) => clean(String(column.value(row) ?? "-"))));
  const natural = columns.map((column, at) =>
    (texts[at] ?? []).reduce((most, text) => Math.max(most, cells(text)), cells(column.title)),
  );
  const widths = fitWidths(columns, natural, options.width);
  const shown = columns.map((_, at) => at).filter((at) => (widths[at] ?? 0) > 0);
  const line = (cellOf: (at: number) => { text: string; style: Style | null }): string => {
    const parts = shown.map((at, place) => {
      const { text, style } = cellOf(at);
      const width = widths[at] ?? 0;
      const isLast = place === shown.length - 1;
      const align = columns[at]?.align ?? "left";
      const short = cut(text, width);
      // Blanks stay outside of the colours, and the last cell has none behind it.
      const blanks = pad(short, width, align).length - short.length;
      const space = " ".repeat(blanks);
      const shownText = paint(style, short);
      return align === "right" ? space + shownText : isLast ? shownText : shownText + space;
    });
    return `${parts.join(" ".repeat(GAP)).trimEnd()}\n`;
  };
  const head = line((at) => ({ text: columns[at]?.title ?? "", style: "bold" }));
  const body = rows.map((row, index) =>
    line((at) => ({ text: texts[at]?.[index] ?? "", style: columns[at]?.style?.(row) ?? null })),
  );
  return head + body.join("");
}

/** Width of each column; 0 = left out. */
function fitWidths<Row>(columns: readonly Column<Row>[], natural: readonly number[], width: number | null): number[] {
  if (width === null) return [...natural];
  const most = natural.map((one, at) => (columns[at]?.least === undefined ? one : Math.min(one, width)));
  const widths = [...most];
  const over = () => {
    const shown = widths.filter((one) => one > 0);
    return shown.reduce((sum, one) => sum + one, 0) + GAP * (shown.length - 1) - width;
  };
  shrink(columns, widths, over);
  const droppable = columns.map((column, at) => ({ at, drop: column.drop })).filter((one) => one.drop !== undefined);
  for (const { at } of droppable.sort((a, b) => (b.drop ?? 0) - (a.drop ?? 0))) {
    if (over() <= 0) break;
    widths[at] = 0;
    for (const [other, full] of most.entries()) if ((widths[other] ?? 0) > 0) widths[other] = full;
    shrink(columns, widths, over);
  }
  return widths;
}

/** Takes cells from the widest column that can give one, one by one, until it fits or none can. */
function shrink<Row>(columns: readonly Column<Row>[], widths: number[], over: () => number): void {
  for (let excess = over(); excess > 0; excess -= 1) {
    let widest = -1;
    for (const [at, column] of columns.entries()) {
      const now = widths[at] ?? 0;
      if (now > (column.least ?? now) && now > (widths[widest] ?? 0)) widest = at;
    }
    if (widest === -1) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}
