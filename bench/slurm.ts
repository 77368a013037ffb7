import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Lab } from "../test/pilot/lab.ts";
import { type Row, row } from "./rows.ts";

const nodes = 4;
const slots = 8;

/**
 * `sleep` on four nodes of the lab's Slurm with eight slots each, from asking for the allocation to the last end, beside GNU Parallel on the
 * same nodes. Needs root and the lab, so it runs only when it is named. All four nodes are this one machine.
 */
export async function measureSlurm(): Promise<Row[]> {
  bringUp();
  const rows: Row[] = [];
  for (const { seconds, count, goal } of [
    { seconds: 1, count: 2000, goal: 0.95 },
    { seconds: 0.2, count: 4000, goal: 0 },
  ]) {
    const idealSec = (seconds * count) / (nodes * slots);
    const pilot = (100 * idealSec) / (await byPilot(seconds, count));
    const parallel = (100 * idealSec) / byParallel(seconds, count);
    const isMet = goal > 0 ? pilot >= 100 * goal && pilot >= parallel - 1 : pilot > parallel;
    rows.push(
      row({
        name: `sleep ${seconds} × ${count} on Slurm, ${nodes} nodes × ${slots}, start included`,
        value: pilot,
        unit: "% of the ideal",
        baseline: parallel,
        goal: goal > 0 ? ">= 95 %, within 1 point of GNU Parallel" : "above GNU Parallel",
        ok: isMet,
      }),
    );
  }
  return rows;
}

/** The lab's scripts lie beside the sources, not beside the bundle that this runs in. */
function bringUp(): void {
  execFileSync(join(process.cwd(), "test/cluster/lab/slurm-up.sh"), [String(nodes)], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const root = process.env.LAB_SLURM_ROOT ?? "/var/lib/hpclab/slurm";
  for (const [, name = "", value = ""] of readFileSync(`${root}/env.sh`, "utf8").matchAll(/(\w+)=(\S*)/g))
    process.env[name] = value;
  process.env.CONIFER_TEST_DIST = join(process.cwd(), "dist");
}

async function byPilot(seconds: number, count: number): Promise<number> {
  // Only now: it looks for the programs when it is loaded.
  const { openClusterLab, submitPilot } = await import("../test/cluster/slurm-pilot.ts");
  await using lab = await openClusterLab();
  await lab.app({ name: "sleep", command: `sleep ${seconds}` });
  for (let made = 0; made < count; made += 1000)
    await lab.create(...Array.from({ length: Math.min(1000, count - made) }, () => ({ app: "sleep" })));
  const begin = performance.now();
  await using _pilot = submitPilot(lab, { nodes, config: { node: { cores: slots, gpus: 0, memoryBytes: 0 } } });
  while ((await finished(lab)) < count) await new Promise((resolve) => setTimeout(resolve, 100));
  return (performance.now() - begin) / 1000;
}

async function finished(lab: Lab): Promise<number> {
  const { counts } = await lab.client.call("jobCounts", { query: { by: "state" } });
  return counts.find(({ key }) => key === "JOB_FINISHED")?.count ?? 0;
}

/** The same by hand: a job that has GNU Parallel on each node work through its part. */
function byParallel(seconds: number, count: number): number {
  const directory = mkdtempSync(join(tmpdir(), "conifer-parallel-"));
  const script = join(directory, "job.sh");
  const each = `seq ${count / nodes} | parallel -j${slots} sleep ${seconds} '#'`;
  writeFileSync(script, `#!/bin/bash\nsrun --ntasks-per-node=1 --nodes=${nodes} sh -c ${JSON.stringify(each)}\n`);
  const begin = performance.now();
  const options = ["--wait", "--exclusive", `--nodes=${nodes}`, `--output=${directory}/out`];
  execFileSync("sbatch", [...options, script], { stdio: ["ignore", "ignore", "inherit"] });
  const took = (performance.now() - begin) / 1000;
  rmSync(directory, { recursive: true });
  return took;
}
