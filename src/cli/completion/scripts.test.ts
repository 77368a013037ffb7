import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeProgram } from "../tree/program.ts";
import { outlineOf } from "./outline.ts";
import { bashScript, fishScript, zshScript } from "./scripts.ts";

const program = outlineOf(makeProgram("0.0.0", async () => {}));

/** What a real bash offers for a line that ends where the cursor is. */
function completions(line: string): string[] {
  const file = join(mkdtempSync(join(tmpdir(), "conifer-completion-")), "conifer");
  const words = line.split(" ");
  writeFileSync(file, bashScript(program));
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const script = `source '${file}'; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _conifer; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", script], { encoding: "utf8", cwd: tmpdir() }).split("\n").filter(Boolean);
}

test("bash completes commands, subcommands and options, after other words too", () => {
  expect(completions("conifer jo")).toEqual(["job"]);
  expect(completions("conifer job k")).toEqual(["kill"]);
  expect(completions("conifer job ls --by")).toEqual(["--by-state", "--by"]);
  expect(completions("conifer job ls state=FAILED --wor")).toEqual(["--workflow", "--workdir"]);
  expect(completions("conifer job rm job --ye")).toEqual(["--yes"]);
  expect(completions("conifer serv")).toEqual(["server"]);
});

test("each script knows every command", () => {
  for (const script of [bashScript(program), zshScript(program), fishScript(program)])
    for (const path of ["job/explain", "site/sample-settings", "completion"]) expect(script).toContain(path);
  expect(fishScript(program)).toContain(
    "complete -c conifer -n '__conifer_at job/kill' -l recursive -d 'their descendants too'",
  );
  expect(zshScript(program)).toContain("'job/kill') entries=(");
});
