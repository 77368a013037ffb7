import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

/** The TypeScript examples of the documentation, each a module of its own, named by page and line. */
function examples(): Map<string, string> {
  const found = new Map<string, string>();
  const pages = [...readdirSync("."), ...readdirSync("docs").map((name) => `docs/${name}`)];
  for (const page of pages.filter((name) => name.endsWith(".md"))) {
    const text = readFileSync(page, "utf8");
    for (const match of text.matchAll(/^```ts\n([\s\S]*?)^```/gm)) {
      const line = text.slice(0, match.index).split("\n").length + 1;
      found.set(join(process.cwd(), "docs", `${page.replace(/\W/g, "-")}-line-${line}.example.ts`), match[1] ?? "");
    }
  }
  return found;
}

test("every TypeScript example of the documentation compiles", () => {
  const sources = examples();
  expect(sources.size).toBeGreaterThan(5);
  const read = ts.readConfigFile("tsconfig.json", ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...read.config, include: [], files: [] }, ts.sys, process.cwd());
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (file) => sources.has(file) || fileExists(file);
  host.readFile = (file) => sources.get(file) ?? readFile(file);
  const getSourceFile = host.getSourceFile.bind(host);
  host.getSourceFile = (file, language, ...rest) => {
    const text = sources.get(file);
    return text === undefined
      ? getSourceFile(file, language, ...rest)
      : ts.createSourceFile(file, `${text}\nexport {};\n`, language);
  };
  const paths = { conifer: [join(process.cwd(), "src/index.ts")] };
  const program = ts.createProgram([...sources.keys()], { ...options, paths, noEmit: true }, host);
  const problems = [...sources.keys()].flatMap((file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText, start = 0 }) =>
        `${file}:${(source?.getLineAndCharacterOfPosition(start).line ?? 0) + 1} ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    );
  });
  expect(problems).toEqual([]);
});
