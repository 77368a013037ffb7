import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openBatchScheduler } from "../../src/platform/schedulers/open-scheduler.ts";
import type { AllocationRequest } from "../../src/platform/schedulers/scheduler.ts";
import { slurmDown, slurmUp } from "./lab/labs.ts";

const directory = mkdtempSync(join(tmpdir(), "conifer-plain-"));
// A lab of its own beside the one with accounting.
Object.assign(process.env, {
  LAB_SLURM_ROOT: "/var/lib/hpclab/slurm-plain",
  LAB_NET: "198.18.79",
  LAB_BRIDGE: "hpclab2",
  LAB_DB_PORT: "33907",
  LAB_DBD_PORT: "16820",
});
beforeAll(() => slurmUp("--no-accounting", "1"));
afterAll(() => {
  rmSync(directory, { recursive: true });
  slurmDown();
});

const request = (key: string, script: string): AllocationRequest => {
  const own = join(directory, key);
  mkdirSync(own);
  return {
    key,
    name: "test",
    command: ["sh", "-c", script],
    environment: {},
    directory: own,
    output: join(own, "pilot.out"),
    nodes: 1,
    wallTimeMin: 10,
    queue: "",
    project: "",
    options: {},
  };
};

it("follows jobs to their end on a cluster without accounting, and knows nothing of ones it never saw", async () => {
  const open = () =>
    openBatchScheduler("slurm", { owner: `p${process.pid}`, settings: { minIntervalSec: 0 }, directory });
  const scheduler = open();
  const submitted = await scheduler.submit(request("1", "exit 3"));
  if (submitted.kind !== "submitted") throw new Error(submitted.reason);
  const { id } = submitted;
  await expect
    .poll(async () => (await scheduler.status([id])).get(id), { timeout: 30_000 })
    .toMatchObject({ state: "ended", outcome: "failed", reason: "exit code 3" });
  expect(await open().find(["1", "2"])).toEqual(new Map([["1", id]]));
  const known = new Map([[id, expect.objectContaining({ state: "ended" })]]);
  await expect.poll(() => scheduler.status([id, "999999"])).toEqual(known);
  expect(await scheduler.queues()).toContainEqual(
    expect.objectContaining({ name: "debug", limits: expect.objectContaining({ maxSubmitted: null, maxNodes: 1 }) }),
  );
});
