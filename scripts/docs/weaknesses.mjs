// Makes docs/weaknesses.md from docs/weaknesses.yml and the titles of the tests that name its lines.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { root } from "../ensure.mjs";

/** The page's text. */
export function weaknessesPage() {
  const lines = parse(readFileSync(join(root, "docs/weaknesses.yml"), "utf8"));
  const tests = [...titles(join(root, "src")), ...titles(join(root, "test")), ...titles(join(root, "examples"))].sort(
    (one, other) => (one.file < other.file ? -1 : one.file > other.file ? 1 : 0),
  );
  const covered = (id) => tests.filter(({ title }) => title.includes(`[${id}]`));
  const rows = Object.entries(lines).map(([id, { text, later }]) => {
    const by = covered(id).map(({ title, file }) => `${title.replaceAll(/\s*\[B\d+\]\s*/g, " ").trim()} (\`${file}\`)`);
    const state = by.length > 0 ? by.join("<br>") : later ? `left: ${later}` : "**no test yet**";
    return `| ${id} | ${text} | ${state.replaceAll("|", "\\|")} |`;
  });
  const open = Object.entries(lines).filter(([id, { later }]) => covered(id).length === 0 && !later).length;
  return [
    "# Weaknesses of the systems before us, and the tests that hold Conifer to better",
    "",
    "Made from `docs/weaknesses.yml` and the titles of the tests by `npm run docs`; do not edit.",
    "",
    `${Object.keys(lines).length} lines: ${Object.keys(lines).filter((id) => covered(id).length > 0).length} covered by tests, ${Object.entries(lines).filter(([id, { later }]) => covered(id).length === 0 && later).length} left for later with the reason, ${open} without a test.`,
    "",
    "| line | weakness | covered by |",
    "|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** Titles begin with the tags of what they cover; whether the test is made of a table is of no matter. */
function* titles(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true, recursive: true })) {
    if (!entry.name.endsWith(".test.ts")) continue;
    const path = join(entry.parentPath, entry.name);
    for (const [, , title] of readFileSync(path, "utf8").matchAll(/(["'`])(\[B\d+\](?:(?!\1)[^\\]|\\.)*)\1/g)) {
      yield { title: title.replaceAll(/\\(.)/g, "$1"), file: path.slice(root.length) };
    }
  }
}
