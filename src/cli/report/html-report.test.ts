import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { drawHtmlReport } from "./html-report.ts";

function section(piece: object) {
  return drawHtmlReport({ title: "T", subtitle: "S", sections: [{ heading: "H", ...piece }] });
}

describe("the HTML report", () => {
  it("holds all it was given, in order, and neither a script nor a link to elsewhere", () => {
    const html = section({
      text: "First.\n\nSecond.",
      facts: [{ name: "jobs", value: "202", note: "0 failed" }],
      table: { columns: ["quantity", "pull"], rows: [["sigma", 0.17]] },
      svg: "<svg/>",
      commands: ["conifer status", "conifer job ls"],
    });
    const pieces = [
      "<h1>T</h1>",
      ">S</p>",
      "<h2>H</h2>",
      "<p>First.</p>",
      "<p>Second.</p>",
      "<dt>jobs</dt><dd>202</dd>",
      "0 failed",
      "<td>sigma</td>",
      "<img ",
      "conifer status\nconifer job ls",
    ];
    const places = pieces.map((piece) => html.indexOf(piece));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
    expect(html).not.toMatch(/<script|<link|https?:/);
  });

  it("escapes whatever it is given, everywhere", () => {
    const evil = '<script>alert(1)</script>"&\u0000\ud800';
    const html = drawHtmlReport({
      title: evil,
      subtitle: evil,
      sections: [
        {
          heading: evil,
          text: evil,
          facts: [{ name: evil, value: evil, note: evil }],
          table: { columns: [evil], rows: [[evil]] },
          svg: evil,
          commands: [evil],
        },
      ],
    });
    expect(html).not.toContain("<script");
    expect(html).not.toContain("\u0000");
    expect(Buffer.from(html, "utf8").toString("utf8")).toBe(html);
    expect(html.match(/&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot;&amp;/g)?.length).toBe(12);
  });

  it("embeds a picture as an image that holds the very same SVG", () => {
    const svg = "<svg xmlns='http://www.w3.org/2000/svg'><text>μ⁺μ⁻</text></svg>";
    const [, data = ""] = /src="data:image\/svg\+xml;base64,([^"]+)"/.exec(section({ svg })) ?? [];
    expect(Buffer.from(data, "base64").toString("utf8")).toBe(svg);
  });

  it("sets columns of numbers flush right, those with errors and units too, and columns of words not", () => {
    const rows = [
      ["sigma", "0.19655 ± 0.00008", "−0.5", 3, "93 %", "4.2 s", ""],
      ["A_FB", "0.0041 +- 0.0020", "1,234", 4, "7 %", "–", "x"],
    ];
    const html = section({ table: { columns: ["a", "b", "c", "d", "e", "f", "g"], rows } });
    const head = [...html.matchAll(/<th( class="number")?>(\w)<\/th>/g)].map(([, flag, name]) => [
      name,
      flag !== undefined,
    ]);
    expect(Object.fromEntries(head)).toEqual({ a: false, b: true, c: true, d: true, e: true, f: true, g: false });
  });

  it("gives every row as many cells as there are columns", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.oneof(fc.string(), fc.integer()), { maxLength: 6 }), { maxLength: 6 }),
        (rows) => {
          const html = section({ table: { columns: ["a", "b", "c"], rows } });
          expect(html.match(/<td/g)?.length ?? 0).toBe(3 * rows.length);
        },
      ),
    );
  });
});
