import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { weaknessesPage } from "../../scripts/docs/weaknesses.mjs";

const root = join(import.meta.dirname, "../..");

test("every known weakness of earlier systems has a test that names it, or a reason why it is left", () => {
  const open = weaknessesPage()
    .split("\n")
    .filter((line) => line.includes("**no test yet**"));
  expect(open).toEqual([]);
});

test("[B34] every module that a test or a source file imports is there", () => {
  const missing: string[] = [];
  let imports = 0;
  for (const folder of ["src", "test", "examples", "bench"])
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true, recursive: true })) {
      if (!/\.(ts|mjs)$/.test(entry.name)) continue;
      const file = join(entry.parentPath, entry.name);
      for (const [, path = ""] of readFileSync(file, "utf8").matchAll(
        /^(?:import|export)\b[^"\n]*?(?:\{[^}]*\}[^"\n]*)?"(\.[^"]+)"/gm,
      )) {
        imports += 1;
        if (!existsSync(join(dirname(file), path))) missing.push(`${file}: ${path}`);
      }
    }
  expect(missing).toEqual([]);
  expect(imports).toBeGreaterThan(1000);
});
