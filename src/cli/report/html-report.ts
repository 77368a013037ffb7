import { escapeMarkup } from "./markup.ts";
import { REPORT_STYLE } from "./report-style.ts";

/** A number or word worth its own tile. */
export interface Fact {
  readonly name: string;
  readonly value: string;
  /** A few words below the value. */
  readonly note?: string;
}

/** Columns whose cells are all numbers are set flush right. */
export interface ReportTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** A part of a report; its pieces appear in the order text, output, facts, table, picture, commands. */
export interface ReportSection {
  readonly heading: string;
  /** Plain text; an empty line starts a new paragraph. */
  readonly text?: string;
  /** What a program printed: kept as it stands, in type of one width. */
  readonly output?: string;
  readonly facts?: readonly Fact[];
  readonly table?: ReportTable;
  /** A whole SVG document. */
  readonly svg?: string;
  /** Command lines to copy. */
  readonly commands?: readonly string[];
}

/** What `drawHtmlReport` draws. */
export interface Report {
  readonly title: string;
  readonly subtitle: string;
  readonly sections: readonly ReportSection[];
}

/**
 * One self-contained HTML page, without scripts, for screens light and dark and for paper. All text is escaped, and pictures are
 * embedded as images, so nothing in a picture can run or reach out.
 */
export function drawHtmlReport({ title, subtitle, sections }: Report): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${escapeMarkup(title)}</title>
<style>
${REPORT_STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escapeMarkup(title)}</h1>
<p class="subtitle">${escapeMarkup(subtitle)}</p>
</header>
${sections.map(drawSection).join("\n")}
</main>
</body>
</html>
`;
}

function drawSection({ heading, text, output, facts, table, svg, commands }: ReportSection): string {
  const pieces = [
    `<h2>${escapeMarkup(heading)}</h2>`,
    ...(text === undefined ? [] : drawParagraphs(text)),
    ...(output === undefined ? [] : [`<pre>${escapeMarkup(output)}</pre>`]),
    ...(facts === undefined ? [] : [drawFacts(facts)]),
    ...(table === undefined ? [] : [drawTable(table)]),
    ...(svg === undefined ? [] : [drawPicture(svg, heading)]),
    ...(commands === undefined ? [] : [`<pre><code>${commands.map(escapeMarkup).join("\n")}</code></pre>`]),
  ];
  return `<section>\n${pieces.join("\n")}\n</section>`;
}

function drawParagraphs(text: string): string[] {
  return text
    .split(/\n\s*\n/)
    .filter((paragraph) => paragraph.trim() !== "")
    .map((paragraph) => `<p>${escapeMarkup(paragraph.trim())}</p>`);
}

function drawFacts(facts: readonly Fact[]): string {
  const tiles = facts.map(({ name, value, note }) => {
    const below = note === undefined ? "" : `<dd class="note">${escapeMarkup(note)}</dd>`;
    return `<div><dt>${escapeMarkup(name)}</dt><dd>${escapeMarkup(value)}</dd>${below}</div>`;
  });
  return `<dl class="facts">${tiles.join("")}</dl>`;
}

function drawTable({ columns, rows }: ReportTable): string {
  const numeric = columns.map((_, column) => rows.length > 0 && rows.every((row) => isNumeric(row[column])));
  const cell = (tag: "th" | "td", value: string | number, column: number) =>
    `<${tag}${numeric[column] ? ' class="number"' : ""}>${escapeMarkup(String(value))}</${tag}>`;
  const head = columns.map((name, column) => cell("th", name, column)).join("");
  const body = rows.map(
    (row) => `<tr>${columns.map((_, column) => cell("td", row[column] ?? "", column)).join("")}</tr>`,
  );
  return `<div class="table"><table>\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join("\n")}\n</tbody>\n</table></div>`;
}

/** A number, perhaps with an error and a unit: "12", "-0.3", "1.5 ± 0.1", "93 %", "4.2 s"; or nothing. */
function isNumeric(value: string | number | undefined): boolean {
  if (value === undefined || typeof value === "number") return true;
  return /^$|^[–—]$|^[-+−]?[\d.,]+(e[-+]?\d+)?(\s*(±|\+-)\s*[\d.,]+(e[-+]?\d+)?)?(\s*(%|[a-zA-Zµμ/]{1,8}))?$/.test(
    value.trim(),
  );
}

function drawPicture(svg: string, heading: string): string {
  const source = `data:image/svg+xml;base64,${Buffer.from(svg, "utf8").toString("base64")}`;
  return `<figure><img src="${source}" alt="${escapeMarkup(heading)}"></figure>`;
}
