import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { painted } from "./colour.ts";
import { type Column, formatTable } from "./table.ts";
import { cells, clean, cut } from "./text.ts";

type Row = { id: number; name: string; tags: string };
const columns: Column<Row>[] = [
  { title: "ID", value: (row) => row.id, align: "right" },
  { title: "NAME", value: (row) => row.name, least: 6 },
  { title: "TAGS", value: (row) => row.tags, least: 4, drop: 1 },
];
const rows: Row[] = [
  { id: 7, name: "short", tags: "a=1" },
  { id: 1234, name: "a rather long name of a job", tags: "case=lattice,step=12" },
];

describe("a table", () => {
  test("is as wide as it must be where it does not go to a terminal", () => {
    expect(formatTable(columns, rows, { width: null })).toBe(
      [
        "  ID  NAME                         TAGS",
        "   7  short                        a=1",
        "1234  a rather long name of a job  case=lattice,step=12",
        "",
      ].join("\n"),
    );
  });

  test("cuts its widest columns first", () => {
    expect(formatTable(columns, rows, { width: 40 })).toBe(
      [
        "  ID  NAME              TAGS",
        "   7  short             a=1",
        "1234  a rather long n…  case=lattice,st…",
        "",
      ].join("\n"),
    );
  });

  test("leaves columns out where cutting is not enough", () => {
    expect(formatTable(columns, rows, { width: 14 })).toBe(
      ["  ID  NAME", "   7  short", "1234  a rathe…", ""].join("\n"),
    );
  });

  test("never has a line wider than the terminal, whatever it shows", () => {
    const row = fc.record({ id: fc.nat(), name: fc.string({ unit: "grapheme" }), tags: fc.string({ unit: "binary" }) });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 5 }), fc.integer({ min: 20, max: 120 }), (some, width) => {
        const lines = formatTable(columns, some, { width }).split("\n");
        expect(lines).toHaveLength(some.length + 2);
        for (const line of lines) expect(cells(line)).toBeLessThanOrEqual(width);
      }),
    );
  });

  test("keeps colours off the blanks between columns", () => {
    const styled: Column<Row>[] = [{ title: "N", value: (row) => row.name, style: () => "red" }, ...columns.slice(2)];
    expect(formatTable(styled, rows.slice(0, 1), { width: 80, paint: painted })).toContain(
      "\u001b[31mshort\u001b[0m  a=1",
    );
  });
});

describe("text for a terminal", () => {
  test("holds no escape sequence, line break or direction mark", () => {
    expect(clean("a\u001b[31mred\nline\u202e\u009b")).toBe("a\ufffd[31mred line\ufffd\ufffd");
  });

  test("is measured in cells", () => {
    expect([cells("abc"), cells("日本"), cells("é"), cells("e\u0301"), cells("🎉")]).toEqual([3, 4, 1, 1, 2]);
    expect(cut("日本語", 5)).toBe("日本…");
    expect(cut("abc", 3)).toBe("abc");
  });
});
