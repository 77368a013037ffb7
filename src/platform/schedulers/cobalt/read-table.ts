/** Rows of a table of Cobalt's: a line of column names, a line of =, then rows; null where the text is no such table. */
export function readTable(text: string): ReadonlyMap<string, string>[] | null {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length === 0) return [];
  const rule = lines.findIndex((line) => /^=+\s*$/.test(line));
  if (rule < 1) return null;
  const names = (lines[rule - 1] ?? "").trim().split(/\s+/);
  const rows = lines.slice(rule + 1).map((line) => line.trim().split(/\s+/));
  if (rows.some((row) => row.length < names.length)) return null;
  return rows.map((row) => new Map(names.map((name, index) => [name, row[index] ?? ""])));
}
