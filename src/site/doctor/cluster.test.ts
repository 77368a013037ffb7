import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PlayedCluster } from "../../../test/schedulers/played.ts";
import type { BatchKind } from "../../platform/schedulers/open-scheduler.ts";
import type { QueueView } from "../../platform/schedulers/scheduler.ts";
import { openSiteBatchScheduler } from "../batch/scheduler.ts";
import { siteLayout } from "../directory/layout.ts";
import { parseSettings } from "../settings/read-settings.ts";
import { checkCluster, checkProject, checkQueue } from "./cluster.ts";

let cluster: PlayedCluster;
let directory: string;
beforeEach(() => {
  cluster = new PlayedCluster("pbs");
  directory = mkdtempSync(join(tmpdir(), "conifer-doctor-"));
});
afterEach(() => {
  cluster[Symbol.dispose]();
  rmSync(directory, { recursive: true });
});

async function levels(scheduler: object, kind: BatchKind = "pbs"): Promise<Map<string, string>> {
  const content = { scheduler: { kind, commandDirectory: cluster.bin, node: { cores: 8 }, ...scheduler } };
  const settings = parseSettings(JSON.stringify(content), "settings.yml");
  await using opened = openSiteBatchScheduler(settings, {
    kind,
    layout: siteLayout(directory),
    owner: "doctor",
    log: null,
  });
  const lines = await checkCluster({ settings, kind, scheduler: opened });
  for (const { level, fix } of lines) expect(level === "ok" || fix !== null).toBe(true);
  return new Map(lines.map(({ check, level, text }) => [check, `${level}: ${text}`]));
}

describe("the doctor of a cluster", () => {
  it("finds a sound one sound", async () => {
    const found = await levels({});
    expect([...found.keys()]).toEqual(["scheduler commands", "scheduler", "queue", "submit script", "node"]);
    for (const [check, line] of found) expect(line, check).toMatch(/^ok/);
    expect(found.get("scheduler")).toMatch(/^ok: pbs answers in \d+ ms, \d+ queues$/);
  });

  it("names commands that are missing, and asks nothing more of the scheduler", async () => {
    rmSync(join(cluster.bin, "qselect"));
    const found = await levels({});
    expect(found.get("scheduler commands")).toBe(`fail: qselect not found on ${cluster.bin}`);
    expect(found.has("scheduler")).toBe(false);
  });

  it("says in its own words that a scheduler is down", async () => {
    cluster.steer("down");
    expect((await levels({})).get("scheduler")).toMatch(/^fail: Scheduler pbs does not answer: /);
  });

  it("finds a template that cannot be filled in, with file and line", async () => {
    const template = join(directory, "batch.sh");
    writeFileSync(template, "#!/bin/sh\n#PBS -l select={{ nodez }}\n{{ command }}\n");
    expect((await levels({ template })).get("submit script")).toMatch(/^fail: .*batch\.sh:2: /);
  });

  it("warns where a compute node's cores are not known, and of a queue that is not there", async () => {
    const found = await levels({ node: {}, queue: "nowhere" });
    expect(found.get("node")).toMatch(/^warn: the cores of a compute node are not known/);
    expect(found.get("queue")).toMatch(/^fail: there is no nowhere/);
  });
});

describe("the account of a site", () => {
  it("is one of the user's, where that can be told", () => {
    expect(checkProject("lab", null)).toEqual([]);
    expect(checkProject("lab", ["lab", "art"])).toMatchObject([{ level: "ok" }]);
    expect(checkProject("", ["lab", "art"])).toMatchObject([
      { level: "ok", text: expect.stringContaining("lab, art") },
    ]);
    expect(checkProject("labb", ["lab", "art"])).toMatchObject([
      { level: "warn", text: "labb is none of yours; did you mean lab?" },
    ]);
  });
});

describe("the queue of a site", () => {
  const limits = { maxNodes: 4, maxWallTimeMin: 60, maxQueued: null, maxRunning: null };
  const queue = (name: string, change: Partial<QueueView> = {}): QueueView => ({
    ...{ name, isDefault: false, isOpen: true, limits, totalNodes: 8, idleNodes: 3 },
    ...change,
  });
  const queues = [queue("debug"), queue("batch", { isDefault: true }), queue("old", { isOpen: false })];

  it("is the one named, else the default one, with its limits", () => {
    expect(checkQueue("debug", queues)).toMatchObject({
      level: "ok",
      text: "debug: 1 to 4 nodes, at most 60 minutes, 3 of 8 nodes idle",
    });
    expect(checkQueue("", queues)).toMatchObject({ level: "ok", text: expect.stringContaining("batch") });
  });

  it("must be there and open", () => {
    expect(checkQueue("debgu", queues)).toMatchObject({
      level: "fail",
      text: "there is no debgu; did you mean debug?",
    });
    expect(checkQueue("old", queues).text).toBe("old takes or starts nothing now");
    expect(checkQueue("", queues.slice(0, 1)).text).toBe("the scheduler has no default queue");
    expect(checkQueue("", []).level).toBe("warn");
  });
});
