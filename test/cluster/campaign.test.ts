/** A user's whole way on a real cluster, by the commands: a site on the login host, two batch jobs, jobs of every shape, a node that dies. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stringify } from "yaml";
import { slurmNode, slurmUp } from "./lab/labs.ts";
import { compileRanks, mendNode } from "./slurm-pilot.ts";

const home = mkdtempSync(join(tmpdir(), "conifer-campaign-"));
const site = join(home, "site");
const starts = join(home, "starts");
const program = fileURLToPath(new URL("../../bin/conifer.js", import.meta.url));

/** Runs a command of the user's; what it printed. */
async function conifer(...words: string[]): Promise<string> {
  const env = { ...process.env, CONIFER_HOME: join(home, "home") };
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...words], {
    env,
    cwd: home,
    maxBuffer: 2 ** 28,
  });
  return stdout;
}
const json = async <T>(...words: string[]): Promise<T> => JSON.parse(await conifer(...words, "--json"));
/** What a user would look at. */
async function withWords(error: unknown): Promise<never> {
  const said = [await conifer("status"), await conifer("batch", "ls", "--all"), await conifer("site", "status", site)];
  throw new Error(`${error}\n${said.join("\n")}`);
}
type Listed = { items: { id: number; state: string; attempt: number; losses: number }[] };

beforeAll(async () => {
  slurmUp("4");
  await conifer("server", "start");
  await conifer("site", "init", site, "--name", "lab");
  const settings = {
    scheduler: { kind: "slurm", minIntervalSec: 1, syncSec: 1, node: { cores: 8 } },
    pilot: { relayHost: process.env.HPCLAB_SLURM_HOST_ADDRESS, mpi: "openmpi", nodes: { silenceSec: 4 } },
  };
  writeFileSync(join(site, "settings.yml"), stringify(settings));
  const note = (then: string) => `echo {{job.id}} {{job.attempt}} $(uname -n) >> ${starts}; ${then}`;
  const apps = {
    serial: { command: note("sleep 0.2") },
    device: { command: note('echo "$CUDA_VISIBLE_DEVICES"; sleep 0.5'), resources: { gpusPerRank: 1 } },
    ranks: { command: `${compileRanks(home)} 1`, resources: { nodes: 2, ranksPerNode: 2 } },
  };
  for (const [name, app] of Object.entries(apps))
    writeFileSync(join(site, "apps", `${name}.yml`), stringify({ name, ...app }));
  await conifer("app", "sync", "--site", "lab");
  await conifer("site", "start", site);
});
afterAll(async () => {
  await conifer("site", "stop", site, "--pilots");
  await conifer("server", "stop");
  await mendNode("boot", "n4");
  rmSync(home, { recursive: true, force: true });
});

test("a thousand serial, twenty two-node MPI and fifty GPU jobs finish in two batch jobs while a node dies", async () => {
  const create = ["job", "create", "--workflow", "campaign", "--max-attempts", "5"];
  await conifer(...create, "serial", "--count", "1000");
  await conifer(...create, "ranks", "--count", "20");
  await conifer(...create, "device", "--count", "50");
  for (let half = 0; half < 2; half += 1)
    await conifer("batch", "submit", "--site", "lab", "--nodes", "2", "--wall-time", "10m");
  const done = async () => {
    const { items } = await json<{ items: { key: string; count: number }[] }>("job", "ls", "--by-state");
    return items.find(({ key }) => key === "JOB_FINISHED")?.count ?? 0;
  };
  await expect.poll(done, { timeout: 60_000, interval: 500 }).toBeGreaterThan(150).catch(withWords);
  slurmNode("crash", "n4");
  await conifer("job", "wait", "workflow=campaign", "--timeout", "240").catch(withWords);

  const { items } = await json<Listed>("job", "ls", "workflow=campaign", "--limit", "0");
  expect(items).toHaveLength(1070);
  expect(items.filter(({ state }) => state !== "JOB_FINISHED")).toEqual([]);
  // What ran says so by itself; every run is an attempt on record, and none has two runs.
  const ran = readFileSync(starts, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
  const runs = ran.map(([job, attempt]) => `${job}.${attempt}`);
  expect(new Set(runs).size).toBe(runs.length);
  const attempts = new Map(items.map(({ id, attempt }) => [String(id), attempt]));
  for (const [job = "", attempt] of ran) expect(Number(attempt)).toBeLessThanOrEqual(attempts.get(job) ?? 0);
  expect(new Set(ran.map(([, , node]) => node))).toEqual(new Set(["n1", "n2", "n3", "n4"]));
  // Those on the dead node ran again.
  expect(items.filter(({ attempt }) => attempt > 1).length).toBeGreaterThan(0);

  await conifer("report", "workflow=campaign", "--out", join(home, "report"), "--title", "campaign");
  const picture = readFileSync(join(home, "report", "utilisation.svg"), "utf8");
  for (const node of ["n1", "n2", "n3", "n4"]) expect(picture).toContain(`>${node}</text>`);
  expect(picture).toMatch(/on 4 nodes/);
});
