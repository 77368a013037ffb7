import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { leavesOf, type Outline, outlineOf } from "../../src/cli/completion/outline.ts";
import { makeProgram } from "../../src/cli/tree/program.ts";

const program = outlineOf(makeProgram("0.0.0", async () => {}));

/** Everything in code style that begins with `conifer`, up to the end of that command. */
function commandsOf(page: string): string[] {
  const text = readFileSync(page, "utf8");
  const inline = [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? "");
  const blocks = [...text.matchAll(/^```(?:sh|bash|console)?\n([\s\S]*?)^```/gm)].flatMap((match) =>
    (match[1] ?? "").split("\n"),
  );
  return [...inline, ...blocks]
    .map((line) =>
      line
        .replace(/^\$ /, "")
        .replace(/^(?:npx |[A-Z_]+=\S+ )+/, "")
        .trim(),
    )
    .filter((line) => /^conifer [a-z-]/.test(line))
    .map((line) => line.split(/\s(?:&&|\||>|#|→)\s|…/)[0] ?? "");
}

/** What is wrong with a command as documented; null = nothing. */
function problem(command: string): string | null {
  const words = command.split(/\s+(?=(?:[^'"]|'[^']*'|"[^"]*")*$)/).slice(1);
  let at: Outline = program;
  let word = 0;
  for (; word < words.length && at.children.length > 0; word += 1) {
    const child = at.children.find((one) => one.path.at(-1) === words[word]);
    if (!child) return /^[-A-Z]/.test(words[word] ?? "") || at !== program ? null : `there is no ${words[word]}`;
    at = child;
  }
  for (const option of words.slice(word)) {
    if (option === "--") return null;
    if (!/^--?[a-z]/.test(option) || option === "--help") continue;
    if (!at.options.some(({ flags }) => flags.includes(option.split("=")[0] ?? "")))
      return `${at.path.join(" ")} has no ${option}`;
  }
  return null;
}

test("[B61] every command that the documentation names exists, with its options", () => {
  const pages = [...readdirSync("."), ...readdirSync("docs").map((name) => `docs/${name}`)];
  const wrong = pages
    .filter((page) => page.endsWith(".md"))
    .flatMap((page) =>
      commandsOf(page)
        .flatMap((command) => problem(command) ?? [])
        .map((what) => `${page}: ${what}`),
    );
  expect(wrong).toEqual([]);
});

test("every command has a summary and an example that calls it", () => {
  const bare = leavesOf(program).filter(
    ({ path, summary, examples }) =>
      summary === "" || !examples.some((line) => line.startsWith(`conifer ${path.join(" ")}`)),
  );
  expect(bare.map(({ path }) => path.join(" "))).toEqual([]);
  expect(leavesOf(program).flatMap(({ examples }) => examples.flatMap((line) => problem(line) ?? []))).toEqual([]);
});

test("every old command line in the mapping names a successor or says why there is none", () => {
  const rows = readFileSync("docs/cli-mapping.md", "utf8")
    .split("\n")
    .filter((line) => /^\| (?!Balsam|---)/.test(line));
  expect(rows.length).toBeGreaterThan(60);
  for (const row of rows) {
    const successor = row.split(/(?<!\\)\|/)[2]?.trim() ?? "";
    expect(successor, row).toMatch(/`|^– .+|site/);
  }
});
