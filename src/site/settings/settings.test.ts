import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { isConiferError } from "../../model/errors.ts";
import { parseSettings } from "./read-settings.ts";
import { settingEntries, settingsReference } from "./reference.ts";
import { sampleSettings } from "./sample.ts";

function refusal(text: string): string {
  try {
    parseSettings(text, "settings.yml");
  } catch (error) {
    if (isConiferError(error)) return error.message;
    throw error;
  }
  return "accepted";
}

describe("a site's settings", () => {
  it("are the defaults where a file is empty or only names sections", () => {
    const defaults = parseSettings("", "settings.yml");
    expect(defaults.scheduler).toMatchObject({ kind: "local", maxRunning: 1, syncSec: 10 });
    expect(parseSettings("elastic:\nscheduler:\n  node:\n", "settings.yml")).toEqual(defaults);
  });

  it("take times and sizes as people write them", () => {
    const settings = parseSettings(
      "elastic: { maxWallTimeMin: 2h, minWallTimeMin: 15 }\nhooks: { limitSec: 5m }\nscheduler: { node: { memoryBytes: 16GiB } }\n",
      "settings.yml",
    );
    expect(settings.elastic).toMatchObject({ maxWallTimeMin: 120, minWallTimeMin: 15 });
    expect(settings.hooks.limitSec).toBe(300);
    expect(settings.scheduler.node.memoryBytes).toBe(16 * 2 ** 30);
  });

  it("tell every problem at once, each with its line", () => {
    const text = `scheduler:
  kind: moab
  node:
    gpus: { a: 1 }
    memoryBytes: 3 parsecs
hooks: 7
elastic:
  maxNodes: many
`;
    expect(refusal(text).split("\n")).toEqual([
      expect.stringMatching(/^settings.yml:2: scheduler.kind: .*"local"\|"slurm"/),
      "settings.yml:4: scheduler.node.gpus: expected a number of GPUs or a list of their ids",
      "settings.yml:5: scheduler.node.memoryBytes: 3 parsecs is not a size in bytes; expected a number of bytes, or 512MiB, 16GiB",
      "settings.yml:6: hooks: expected object, received number",
      "settings.yml:8: elastic.maxNodes: expected number, received string",
    ]);
  });

  it("[B25] say what a node has, whatever the scheduler; nothing is assumed of it", () => {
    const { scheduler } = parseSettings("scheduler: { kind: lsf, node: { cores: 44, gpus: 6 } }", "settings.yml");
    expect(scheduler.node).toEqual({ cores: 44, gpus: 6, memoryBytes: null });
    expect(parseSettings("scheduler: { kind: lsf }", "settings.yml").scheduler.node.cores).toBeNull();
  });

  it("refuse a key nobody knows and name the nearest one", () => {
    expect(refusal("scheduler:\n  maxRuning: 3\nelastik: {}\n").split("\n")).toEqual([
      "settings.yml:2: there is no scheduler.maxRuning; did you mean maxRunning?",
      "settings.yml:3: there is no elastik; did you mean elastic?",
    ]);
    expect(refusal("pilot: { zzzzzzz: { x: 1 } }")).toContain("known here: idleSec, graceSec");
  });

  it("refuse broken syntax, doubled keys and a file that is a list", () => {
    expect(refusal("name: a\nhooks:\n  workers: [1\n")).toMatch(/^settings.yml:\d+: /);
    expect(refusal("name: a\nname: b\n")).toMatch(/^settings.yml:2: .*unique/);
    expect(refusal("- a\n")).toBe("settings.yml:1: expected object, received array");
  });

  it("refuse a least that is above its most", () => {
    expect(refusal("elastic:\n  minNodes: 5\n")).toBe(
      "settings.yml:2: elastic.minNodes is 5, more than elastic.maxNodes, 1",
    );
  });

  it("have a sample file that shows every default, means the defaults, and reads once uncommented", () => {
    const defaults = parseSettings("", "settings.yml");
    const sample = sampleSettings({ name: "mine" });
    expect(parseSettings(sample, "settings.yml")).toEqual({ ...defaults, name: "mine" });
    const uncommented = sample
      .split("\n")
      .map((line) => line.replace(/^( *)# (\w+: )/, "$1$2"))
      .filter((line) => !line.trimStart().startsWith("#"));
    const known = settingEntries().filter((entry) => !entry.isSection);
    for (const { path } of known) {
      const value = path.reduce<unknown>(
        (at, key) => (at as Record<string, unknown>)[key],
        parse(uncommented.join("\n")),
      );
      expect(value, path.join(".")).not.toBeUndefined();
    }
    expect(parseSettings(stringify(defaults), "settings.yml")).toEqual(defaults);
  });

  it("have a reference with a default and a meaning for each", () => {
    for (const { path, help } of settingEntries()) expect(help, path.join(".")).not.toBe("");
    expect(settingsReference()).toContain("| `scheduler.maxRunning` | `1` |");
  });
});
