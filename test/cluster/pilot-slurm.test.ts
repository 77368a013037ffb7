import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { runCommand, slurmNode, slurmUp } from "./lab/labs.ts";
import { compileRanks, describe, mendNode, openClusterLab, processesOn, submitPilot } from "./slurm-pilot.ts";

beforeAll(() => slurmUp("4"));

/** The lines of a job's output that its ranks wrote. */
const ranksOf = (output: string | null) =>
  (output ?? "").split("\n").flatMap((line) => {
    const match = /^rank (\d+) of (\d+) sum (\d+) on (\S+) gpus (\S*) task (\S+) batch (\S*)$/.exec(line);
    return match
      ? [{ rank: Number(match[1]), size: Number(match[2]), host: match[4], task: match[6], batch: match[7] }]
      : [];
  });

test("[P8] serial, GPU and two-node MPI jobs run side by side in one pilot over four nodes", async () => {
  await using lab = await openClusterLab();
  const program = compileRanks(lab.directory);
  await lab.app({ name: "ranks", command: `${program} 0.5` });
  await using pilot = submitPilot(lab, { nodes: 4 });
  await pilot.untilNodes(4);
  const serial = await lab.create(...Array.from({ length: 60 }, () => ({ do: "sleep 0.2; uname -n" })));
  const gpu = await lab.create(
    ...Array.from({ length: 16 }, () => ({ do: "sleep 0.5; echo $(uname -n) $CUDA_VISIBLE_DEVICES", gpusPerRank: 1 })),
  );
  const mpi = await lab.create(...Array.from({ length: 6 }, () => ({ app: "ranks", nodes: 2, ranksPerNode: 2 })));
  await lab.until([...serial, ...gpu, ...mpi], "JOB_FINISHED", "FAILED").catch((error: unknown) => {
    throw new Error(`${error}\n${describe(pilot.directory)}`);
  });
  const hosts = new Set(await Promise.all(serial.map((id) => lab.file(id, "job.out"))));
  expect([...hosts].sort()).toEqual(["n1\n", "n2\n", "n3\n", "n4\n"]);
  for (const id of gpu) expect(await lab.file(id, "job.out")).toMatch(/^n[1-4] [01]\n$/);
  for (const id of mpi) {
    const ranks = ranksOf(await lab.file(id, "job.out")).sort((a, b) => a.rank - b.rank);
    expect(ranks.map(({ rank, size }) => `${rank}/${size}`)).toEqual(["0/4", "1/4", "2/4", "3/4"]);
    expect(new Set(ranks.map(({ host }) => host)).size).toBe(2);
    for (const { task, batch } of ranks) expect([task, batch]).toEqual([`${id}.1`, "loaded"]);
    expect((await lab.job(id)).state).toBe("JOB_FINISHED");
  }
});

test("[B17] a node that crashes in the middle costs no job, and none runs twice without a record", async () => {
  await using lab = await openClusterLab();
  const program = compileRanks(lab.directory);
  const starts = join(lab.directory, "starts");
  appendFileSync(starts, "");
  await lab.app({
    name: "note",
    command: `echo {{job.id}} {{job.attempt}} >> ${starts}; sleep {{seconds}}`,
    parameters: { seconds: { type: "number" } },
  });
  await lab.app({ name: "ranks", command: `${program} 3` });
  await using pilot = submitPilot(lab, { nodes: 4 });
  await pilot.untilNodes(4);
  const serial = await lab.create(
    ...Array.from({ length: 80 }, (_, index) => ({
      app: "note",
      parameters: { seconds: 1 + (index % 4) },
      maxAttempts: 5,
    })),
  );
  const mpi = await lab.create(
    ...Array.from({ length: 4 }, () => ({ app: "ranks", nodes: 2, ranksPerNode: 2, maxAttempts: 5 })),
  );
  await lab.until(mpi.slice(0, 1), "RUNNING");
  await expect.poll(() => readFileSync(starts, "utf8").split("\n").length, { timeout: 30_000 }).toBeGreaterThan(16);
  slurmNode("crash", "n3");
  try {
    await lab.until([...serial, ...mpi], "JOB_FINISHED", "FAILED").catch((error: unknown) => {
      throw new Error(`${error}\n${describe(pilot.directory)}`);
    });
    const states = await Promise.all([...serial, ...mpi].map(async (id) => (await lab.job(id)).state));
    expect(new Set(states)).toEqual(new Set(["JOB_FINISHED"]));
    const started = readFileSync(starts, "utf8").trim().split("\n");
    expect(new Set(started).size).toBe(started.length);
    for (const id of serial) {
      const runs = started.filter((line) => line.startsWith(`${id} `)).length;
      const recorded = (await lab.states(id)).filter((state) => state === "RUNNING").length;
      expect(runs).toBeGreaterThan(0);
      expect(runs).toBeLessThanOrEqual(recorded);
    }
    expect(pilot.log().some(({ msg, host }) => msg === "a node agent is gone" && host === "n3")).toBe(true);
    expect(started.length).toBeGreaterThan(80);
  } finally {
    await mendNode("boot", "n3");
  }
});

test("[B17] what runs on a node that is cut off has ended before it starts anew elsewhere", async () => {
  await using lab = await openClusterLab();
  const ticks = join(lab.directory, "ticks");
  appendFileSync(ticks, "");
  await lab.app({
    name: "tick",
    command: `trap '' TERM; for i in $(seq 150); do echo {{job.id}} {{job.attempt}} $(date +%s.%N) >> ${ticks}; sleep 0.1; done`,
  });
  await using pilot = submitPilot(lab, { nodes: 3, config: { node: { cores: 2, gpus: 0, memoryBytes: 0 } } });
  await pilot.untilNodes(3);
  const ids = await lab.create(...Array.from({ length: 6 }, () => ({ app: "tick", maxAttempts: 5 })));
  await lab.until(ids, "RUNNING");
  slurmNode("cut", "n3");
  try {
    await lab.until(ids, "JOB_FINISHED", "FAILED").catch((error: unknown) => {
      throw new Error(`${error}\n${describe(pilot.directory)}`);
    });
    const seen = readFileSync(ticks, "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(" ").map(Number));
    const timesOf = (job: number, attempt: number) =>
      seen.flatMap(([of, nth, at = 0]) => (of === job && nth === attempt ? [at] : []));
    const again = ids.filter((id) => timesOf(id, 2).length > 0);
    expect(again).toHaveLength(2);
    for (const id of again) expect(Math.max(...timesOf(id, 1))).toBeLessThan(Math.min(...timesOf(id, 2)));
    for (const id of ids) expect((await lab.job(id)).state).toBe("JOB_FINISHED");
  } finally {
    await mendNode("plug", "n3");
  }
});

test("[B4] when the wall time ends, jobs on every node are ended in time and wait for the next allocation", async () => {
  await using lab = await openClusterLab();
  const mark = `8644.${process.pid}`;
  await using pilot = submitPilot(lab, { nodes: 3, wallTimeMin: 0.3, config: { endMarginSec: 6 } });
  await pilot.untilNodes(3);
  const ids = await lab.create(...Array.from({ length: 22 }, () => ({ do: `trap '' TERM; sleep ${mark}; :` })), {
    do: `sleep ${mark}`,
    nodes: 3,
  });
  const [long = 0] = await lab.create({ do: "true", wallTimeMin: 60 });
  await lab.until(ids.slice(0, 20), "RUNNING");
  await lab.until(ids, "RESTART_READY", "PREPROCESSED", "READY");
  for (const id of ids.slice(0, 20)) expect(await lab.states(id)).toContain("RUN_TIMEOUT");
  // What cannot end in time was not begun.
  expect(await lab.states(long)).not.toContain("RUNNING");
  for (const node of ["n1", "n2", "n3"]) expect(processesOn(node, mark)).toEqual([]);
  await expect
    .poll(() => runCommand("squeue", "-h", "-t", "all", "-j", pilot.id, "-o", "%T"), { timeout: 30_000 })
    .toBe("COMPLETED");
});
