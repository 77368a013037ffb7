/** The report's style sheet: one column of text, figures on white cards in dark mode, ink only on paper. */
export const REPORT_STYLE = `
:root {
  --paper: #fff; --ink: #1c2128; --soft: #5b6470; --line: #dfe3e8; --tile: #f6f7f9; --accent: #2f6b4f;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #15181c; --ink: #e4e7eb; --soft: #9aa4b0; --line: #30363d; --tile: #1e2328; --accent: #7fc4a0; }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Liberation Sans", sans-serif;
}
main { max-width: 1040px; margin: 0 auto; padding: 48px 24px 80px; }
header { border-bottom: 3px solid var(--accent); padding-bottom: 16px; margin-bottom: 8px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
.subtitle { color: var(--soft); margin: 8px 0 0; }
h2 { font-size: 20px; line-height: 1.3; margin: 44px 0 12px; }
p { max-width: 46em; margin: 0 0 12px; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; margin: 16px 0; }
.facts div { background: var(--tile); border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px; }
.facts dt { color: var(--soft); font-size: 13px; }
.facts dd { margin: 2px 0 0; font-size: 21px; font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.facts .note { font-size: 13px; font-weight: 400; color: var(--soft); }
.table { overflow-x: auto; margin: 16px 0; }
table { border-collapse: collapse; font-size: 15px; }
th, td { padding: 6px 24px 6px 0; text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: 13px; border-bottom: 2px solid var(--line); }
td { border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 16px 0; background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 8px; }
img { display: block; width: 100%; height: auto; }
pre {
  background: var(--tile); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; overflow-x: auto; margin: 16px 0;
  font: 14px/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
}
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --tile: #fff; --accent: #2f6b4f; }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; margin-top: 24px; }
  figure, table, .facts div, pre { break-inside: avoid; }
  figure { border: 0; padding: 0; }
}
`;
