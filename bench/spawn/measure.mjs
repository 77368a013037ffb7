// Starts and reaps `true` through a node agent and through a C posix_spawn loop at the same concurrency, in turns, with a
// workdir, stdout and stderr files and a process group each, and prints tasks a second and their ratio.
//   node bench/spawn/measure.mjs [COUNT] [DIRECTORY]
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { driveAgent } from "./drive-agent.mjs";

/** One run of each at one concurrency; `directory` should be a fast file system, which both use alike. */
export async function measureSpawn({ count, concurrency, directory }) {
  const work = mkdtempSync(join(directory, "conifer-spawn-"));
  try {
    const loop = buildLoop();
    mkdirSync(join(work, "c"));
    const cSec = Number(execFileSync(loop, [count, concurrency, join(work, "c"), "/bin/true"].map(String)));
    const agentSec = await driveAgent({ count, concurrency, root: join(work, "agent"), command: "/bin/true" });
    return { cPerSec: count / cSec, agentPerSec: count / agentSec, ratio: cSec / agentSec };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Runs several rounds of each concurrency, the two in turns, and returns the medians. */
export async function measureSpawnRounds({ count, concurrencies, directory, rounds }) {
  const runs = new Map(concurrencies.map((concurrency) => [concurrency, []]));
  for (let round = 0; round < rounds; round++)
    for (const [concurrency, list] of runs) list.push(await measureSpawn({ count, concurrency, directory }));
  return [...runs].map(([concurrency, list]) => ({
    concurrency,
    cPerSec: median(list.map((run) => run.cPerSec)),
    agentPerSec: median(list.map((run) => run.agentPerSec)),
    ratio: median(list.map((run) => run.ratio)),
  }));
}

/** Where neither side waits for a disk. */
export function fastDirectory() {
  return existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
}

function buildLoop() {
  const binary = resolve("bench/build/spawn-loop");
  mkdirSync(join(binary, ".."), { recursive: true });
  execFileSync("cc", ["-O2", "-o", binary, resolve("bench/spawn/spawn-loop.c")]);
  return binary;
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

if (process.argv[1]?.endsWith("measure.mjs")) {
  const count = Number(process.argv[2] ?? 3000);
  const directory = process.argv[3] ?? fastDirectory();
  const rows = await measureSpawnRounds({ count, concurrencies: [2, 8, 64], directory, rounds: 3 });
  for (const { concurrency, cPerSec, agentPerSec, ratio } of rows)
    console.log(
      `${String(concurrency).padStart(3)} at once: C ${cPerSec.toFixed(0)}/s, node agent ${agentPerSec.toFixed(0)}/s, ratio ${ratio.toFixed(2)}`,
    );
}
