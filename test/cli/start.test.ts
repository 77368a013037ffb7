import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { openCliLab, program } from "./lab.ts";

/** The files that a file of dist/ loads before anything else, and the packages. */
function loadedBy(file: string, seen = new Set<string>()): { files: Set<string>; packages: Set<string> } {
  const packages = new Set<string>();
  const walk = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const [, from = ""] of readFileSync(path, "utf8").matchAll(/^(?:import|export)\b[^"]*?"([^"]+)";$/gms)) {
      if (from.startsWith(".")) walk(join(dirname(path), from));
      else if (!from.startsWith("node:")) packages.add(from);
    }
  };
  walk(file);
  return { files: seen, packages };
}

test("starting loads commander and little else: every command loads what it needs when it is called", () => {
  const { files, packages } = loadedBy(join(dirname(program), "../dist/cli.js"));
  expect([...packages]).toEqual(["commander"]);
  const bytes = [...files].reduce((sum, file) => sum + readFileSync(file).length, 0);
  expect(bytes).toBeLessThan(100_000);
});

test("[B33] commands that talk to the server, and the library, load neither schemas nor the server, and one small package", () => {
  const { packages } = loadedBy(join(dirname(program), "../dist/index.js"));
  expect([...packages]).toEqual(["eventsource-parser"]);
});

test("--help and --version answer without a server, on stdout", async () => {
  const lab = openCliLab();
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  expect(await lab.run(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  const help = await lab.run(["--help"]);
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toContain("First steps:");
  const kill = await lab.run(["job", "kill", "--help"]);
  expect(kill.stdout).toContain("Examples:\n  $ conifer job kill 12\n");
});
