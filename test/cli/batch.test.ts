import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { stringify } from "yaml";
import { PlayedCluster } from "../schedulers/played.ts";
import { type CliLab, openCliLab } from "./lab.ts";

/** A site on a played PBS cluster, whose agent has told the server of its queues. */
let lab: CliLab;
let cluster: PlayedCluster;
beforeAll(async () => {
  cluster = new PlayedCluster("pbs", { nodes: 2 });
  lab = openCliLab();
  await lab.out("server", "start");
  await lab.out("site", "init", "far");
  const settings = {
    scheduler: { kind: "pbs", commandDirectory: cluster.bin, minIntervalSec: 0, syncSec: 1, node: { cores: 1 } },
    pilot: { relayHost: "127.0.0.1", idleSec: 300, graceSec: 1 },
  };
  writeFileSync(join(lab.home, "far/settings.yml"), stringify(settings));
  await lab.out("site", "start", "far");
  await vi.waitFor(
    async () => {
      const { items } = await lab.json<{ items: { report: { queues?: unknown[] } }[] }>("site", "ls");
      expect(items[0]?.report.queues?.length).toBeGreaterThan(0);
    },
    { timeout: 20_000, interval: 200 },
  );
});
afterAll(async () => {
  await lab.run(["site", "stop", "far", "--pilots"]);
  await lab[Symbol.asyncDispose]();
  cluster[Symbol.dispose]();
});

type Shown = { id: number; state: string; reason: string; schedulerId: string | null };
const show = (id: number | string) => lab.json<Shown>("batch", "show", String(id));
const until = (id: number, state: string) =>
  vi.waitFor(async () => expect((await show(id)).state).toBe(state), { timeout: 30_000, interval: 200 });

test("[B48] a queue that is not there is refused with those there are, and nothing is stored", async () => {
  const refused = await lab.run(["batch", "submit", "--site", "far", "-q", "nowhere"]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/queue: site far has no queue "nowhere"; it has \w+/);
  const wide = await lab.run(["batch", "submit", "--site", "far", "-q", "debug", "-n", "3"]);
  expect(wide.stderr).toContain("nodes: queue debug of site far has at most 2 nodes, not 3");
  expect(await lab.json("batch", "ls", "--all")).toEqual({ items: [] });
});

test("a batch job comes after another one by the scheduler's own dependency, and its time is told", async () => {
  const first = await lab.json<Shown>("batch", "submit", "--site", "far", "-t", "30m", "--wait");
  const second = await lab.json<Shown>("batch", "submit", "--site", "far", "--after", "last", "--after-when", "ok");
  await until(second.id, "queued");
  const script = readFileSync(join(lab.home, "far/run/pilots", String(second.id), "batch.sh"), "utf8");
  expect(script).toContain(`#PBS -W depend=afterok:${(await show(first.id)).schedulerId}\n`);
  expect(await lab.out("batch", "ls", "--site", "far")).toMatch(
    /since (\d\d-\d\d )?\d\d:\d\d, until (\d\d-\d\d )?\d\d:\d\d/,
  );
  await lab.out("batch", "rm", String(second.id), "--yes");
  await until(second.id, "cancelled");
  const alone = await lab.run(["batch", "submit", "--site", "far", "--after-when", "ok"]);
  expect(alone).toMatchObject({ code: 2, stderr: expect.stringContaining("--after ID") });
});

test("its logs are what the allocation printed and what the pilot wrote, or their ends", async () => {
  const { id } = await show("last");
  const place = join(lab.home, "far/run/pilots", String(id));
  mkdirSync(place, { recursive: true });
  appendFileSync(join(place, "pilot.out"), "module: command not found\n");
  writeFileSync(join(place, "pilot.log"), "one\ntwo\nthree\n");
  const shown = await lab.run(["batch", "logs", "last", "--tail", "2"]);
  expect(shown.stdout).toMatch(/module: command not found\ntwo\nthree\n$/);
  expect(shown.stderr).toContain("pilot.out");
});
