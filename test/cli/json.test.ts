import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { leavesOf, outlineOf } from "../../src/cli/completion/outline.ts";
import { makeProgram } from "../../src/cli/tree/program.ts";
import { type CliLab, openCliLab } from "./lab.ts";

let lab: CliLab;
beforeAll(async () => {
  lab = openCliLab();
});
afterAll(async () => {
  await lab.run(["site", "stop", join(lab.home, "moved"), "--pilots"]);
  await lab.run(["site", "stop", join(lab.home, "site"), "--pilots"]);
  await lab[Symbol.asyncDispose]();
});

/** One call of each command, in an order in which each finds what it needs; `lines` where one document a line is expected. */
const CALLS: {
  readonly path: string;
  readonly args: readonly string[];
  readonly lines?: true;
  readonly code?: number;
  readonly stops?: true;
}[] = [
  { path: "server start", args: [] },
  { path: "server status", args: [] },
  { path: "whoami", args: [] },
  { path: "user add", args: ["ada"] },
  { path: "user ls", args: [] },
  { path: "user rm", args: ["ada"] },
  { path: "token create", args: ["--label", "x", "--expires", "1d"] },
  { path: "token ls", args: [] },
  { path: "token revoke", args: ["3"] },
  { path: "login", args: ["--directory", "conifer/server"] },
  { path: "site init", args: ["site", "--name", "site"] },
  { path: "site machines", args: [] },
  { path: "site start", args: ["site"] },
  { path: "site status", args: ["site"] },
  { path: "site ls", args: [] },
  { path: "site sample-settings", args: [] },
  { path: "site doctor", args: ["site"] },
  { path: "app sync", args: ["--site", "site"] },
  { path: "app create", args: ["count", "wc -l {{file}}"] },
  { path: "app ls", args: [] },
  { path: "app show", args: ["count"] },
  { path: "app rm", args: ["count"] },
  { path: "batch submit", args: ["--wall-time", "10m", "--wait"] },
  { path: "batch ls", args: [] },
  { path: "batch show", args: ["last"] },
  { path: "batch logs", args: ["last"], lines: true },
  { path: "run", args: ["--wait", "--", "echo out"] },
  { path: "job create", args: ["conifer.run", "command=sleep 100", "--name", "sleeper"] },
  { path: "job ls", args: [] },
  { path: "job show", args: ["all"] },
  { path: "job history", args: ["1"] },
  { path: "job explain", args: ["last"] },
  { path: "job tree", args: ["1"] },
  { path: "job logs", args: ["1"], lines: true },
  { path: "job wait", args: ["1"] },
  { path: "job modify", args: ["1", "--priority", "3"] },
  { path: "job kill", args: ["last"] },
  { path: "job retry", args: ["1"] },
  { path: "events", args: [] },
  { path: "status", args: [] },
  { path: "report", args: ["1", "--out", "report"] },
  { path: "completion", args: ["bash"] },
  { path: "batch rm", args: ["last"] },
  { path: "job rm", args: ["name=sleeper"], code: 5 },
  { path: "site restart", args: ["site"] },
  { path: "job create", args: ["conifer.run", "command=true", "--name", "later"] },
  { path: "job create", args: ["conifer.run", "command=true", "--parent", "last", "--name", "child"] },
  { path: "job dep", args: ["last", "1:any"] },
  { path: "site stop", args: ["site", "--pilots"] },
  { path: "site mv", args: ["site", "moved"] },
  { path: "site rm", args: ["moved", "--files"] },
  { path: "logout", args: [] },
  { path: "server stop", args: [] },
];

/** Not asked: it answers only in its log. */
const SILENT = ["pilot"];

test("every command answers --json with JSON alone on stdout", async () => {
  const leaves = leavesOf(outlineOf(makeProgram("0.0.0", async () => {}))).map(({ path }) => path.join(" "));
  expect([...new Set([...CALLS.map(({ path }) => path), ...SILENT])].sort()).toEqual(leaves.sort());
  mkdirSync(lab.home, { recursive: true });
  writeFileSync(join(lab.home, "empty"), "");
  for (const { path, args, lines, code = 0 } of CALLS) {
    const { stdout, stderr, code: ended } = await lab.run([...path.split(" "), "--json", ...args]);
    expect(code === 0 ? ended : [0, code], `conifer ${path}: ${stderr}`)[code === 0 ? "toBe" : "toContain"](
      code === 0 ? 0 : ended,
    );
    const documents = lines ? stdout.split("\n").filter((line) => line !== "") : [stdout];
    expect(documents.length, path).toBeGreaterThan(0);
    for (const one of documents) expect(() => JSON.parse(one), `conifer ${path}: ${one}`).not.toThrow();
    expect(stderr, path).toBe("");
  }
});

test("every command answers a mistake with a problem document on stderr", async () => {
  const leaves = leavesOf(outlineOf(makeProgram("0.0.0", async () => {}))).map(({ path }) => path);
  const wrong = leaves.map((path) => () => lab.run([...path, "--json", "--no-such-option"]));
  for (let at = 0; at < wrong.length; at += 4) {
    for (const { stdout, stderr, code } of await Promise.all(wrong.slice(at, at + 4).map((call) => call()))) {
      expect({ stdout, code }).toEqual({ stdout: "", code: 2 });
      expect(JSON.parse(stderr)).toMatchObject({ code: "BAD_COMMAND", exitCode: 2 });
    }
  }
});
