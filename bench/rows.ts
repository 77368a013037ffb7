/** One measured figure. */
export type Row = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What another way of doing it reaches in the same run; null = none. */
  readonly baseline: number | null;
  /** The most that could be reached, measured in the same run; null = none. */
  readonly limit: number | null;
  /** value / limit, or value / baseline where there is no limit. */
  readonly ratio: number | null;
  /** What was promised, in words. */
  readonly goal: string;
  readonly ok: boolean;
};
export type BenchOptions = { readonly million: boolean };

export type Measured = Pick<Row, "name" | "value" | "unit" | "goal" | "ok"> & { baseline?: number; limit?: number };

/** A row with its ratio. */
export function row({ baseline, limit, ...measured }: Measured): Row {
  const against = limit ?? baseline;
  return {
    ...measured,
    baseline: baseline ?? null,
    limit: limit ?? null,
    ratio: against ? measured.value / against : null,
  };
}

/** The middle value; of two middle ones the lower. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}

/** A table for people and for the README. */
export function formatRows(rows: readonly Row[]): string {
  const number = (value: number | null) =>
    value === null ? "" : value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
  const cells = rows.map((entry) => [
    entry.name,
    `${number(entry.value)} ${entry.unit}`,
    number(entry.limit),
    number(entry.baseline),
    entry.ratio === null ? "" : entry.ratio.toFixed(2),
    entry.goal,
    entry.ok ? "yes" : "NO",
  ]);
  const table = [["what", "measured", "limit", "baseline", "ratio", "goal", "met"], ...cells];
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  const lines = table.map((line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`);
  lines.splice(1, 0, `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`);
  return lines.join("\n");
}
