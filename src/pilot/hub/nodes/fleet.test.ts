import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { DEFAULT_RESOURCES, type Resources } from "../../../model/resources.ts";
import { findHosts } from "../../../platform/nodes/hosts.ts";
import { type NodesConfig, resolvePilotConfig } from "../../config.ts";
import { systemClock } from "../clock.ts";
import { Hub, type TaskOutcome } from "../hub.ts";
import { type HubTask, taskName } from "../task.ts";
import { Fleet } from "./fleet.ts";

const dist = process.env.CONIFER_TEST_DIST ?? fileURLToPath(new URL("../../../../dist", import.meta.url));
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Two nodes that are both this machine, each with a real agent over a real connection. */
function play(nodes: Partial<NodesConfig> = {}, environment: NodeJS.ProcessEnv = process.env) {
  const directory = mkdtempSync(join(tmpdir(), "conifer-fleet-"));
  const config = resolvePilotConfig({
    access: { address: "http://x", token: "t", fingerprint: null },
    site: { id: 1, name: "here", directory },
    directory,
    graceSec: 1,
    node: { cores: 1, gpus: 0, memoryBytes: 0 },
    nodes: { hosts: ["a", "b"], launcher: "local", network: "127.0.0.1", silenceSec: 1, ...nodes },
  });
  const ended = new Map<number, TaskOutcome>();
  const logged: string[] = [];
  const hub = new Hub({
    clock: systemClock,
    endsAt: null,
    events: {
      mayStart: () => true,
      starting() {},
      started() {},
      recalled() {},
      handedBack() {},
      changed() {},
      ended: (task, outcome) => ended.set(task.id, outcome),
    },
  });
  const fleet = new Fleet({
    config,
    clock: systemClock,
    log: (_level, message, about) => logged.push(`${message} ${JSON.stringify(about ?? {})}`),
    program: join(dist, "pilot-node.js"),
    logFile: join(directory, "node.log"),
    environment,
    findHosts: async () =>
      findHosts(config.nodes.hosts, { environment, hostname: "login", readFile: (path) => readFileSync(path, "utf8") }),
    mpiFamily: async () => "openmpi",
  });
  closing.push(async () => {
    await fleet.close(3000);
    rmSync(directory, { recursive: true, force: true });
  });
  const task = (id: number, command: string, resources: Partial<Resources> = {}): HubTask => ({
    ...{ id, attempt: 1, priority: 0, isWide: false, resources: { ...DEFAULT_RESOURCES, ...resources } },
    makeSpec: (places) => ({
      ...{ task: taskName({ id, attempt: 1 }), attempt: 1, command, preamble: null },
      ...{ workdir: join(directory, "data", `task_${id}`), stdout: "job.out", stderr: "job.err" },
      environment: { PLACES: places.map(({ hostname }) => hostname).join(",") },
      ...{ cores: null, gpus: [], threadsPerRank: 1, limitSec: null, graceSec: 1 },
      ...{ inputs: [], outputs: [], steering: null, jobFile: null },
    }),
  });
  const read = (id: number, name = "job.out"): string => {
    const file = join(directory, "data", `task_${id}`, name);
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  };
  const agentOf = (host: string): number =>
    Number(logged.findLast((line) => line.includes(`"hostname":"${host}"`))?.match(/"agent":(\d+)/)?.[1] ?? 0);
  const allUp = () => expect.poll(() => hub.room().nodes, { timeout: 20_000 }).toBe(2);
  return { directory, hub, fleet, task, ended, logged, read, agentOf, allUp };
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

for (const tls of [false, true])
  test(`tasks run on every node of a pilot, ${tls ? "encrypted" : "plain"}, and its end is orderly`, async () => {
    const { hub, fleet, task, read, ended, allUp, agentOf, directory } = play({ tls });
    expect(await fleet.open(hub, () => {})).toMatchObject({ capacity: { cores: 1 }, nodes: 2 });
    await allUp();
    expect(statSync(join(directory, "nodes.json")).mode & 0o777).toBe(0o600);
    hub.admit([1, 2].map((id) => task(id, "echo $PLACES")));
    await expect.poll(() => ended.size, { timeout: 20_000 }).toBe(2);
    expect([read(1), read(2)].sort()).toEqual(["a\n", "b\n"]);
    const agents = [agentOf("a"), agentOf("b")];
    await fleet.close(5000);
    await expect.poll(() => agents.some(isAlive)).toBe(false);
    expect(existsSync(join(directory, "nodes.json"))).toBe(false);
  });

test("the secret of a pilot is in no process list and in no environment", async () => {
  const { hub, fleet, allUp, agentOf, directory } = play();
  await fleet.open(hub, () => {});
  await allUp();
  const { secret } = JSON.parse(readFileSync(join(directory, "nodes.json"), "utf8"));
  for (const file of ["cmdline", "environ"])
    expect(readFileSync(`/proc/${agentOf("a")}/${file}`, "latin1")).not.toContain(secret);
});

test("a task over two nodes is known on both, and its end is told when both are clear", async () => {
  const { hub, fleet, task, ended, allUp, read } = play();
  await fleet.open(hub, () => {});
  await allUp();
  hub.admit([task(1, "echo $PLACES; setsid sleep 1000 & sleep 0.2", { nodes: 2 })]);
  await expect.poll(() => ended.get(1), { timeout: 20_000 }).toMatchObject({ kind: "ended", end: { exitCode: 0 } });
  expect(read(1)).toBe("a,b\n");
  expect(hub.room().free.cores).toBe(2);
});

for (const [how, signal] of [
  ["is killed", "SIGKILL"],
  ["hangs", "SIGSTOP"],
] as const)
  test(`[B17] a node whose agent ${how} is noticed, its task is dead before it is told lost, and another agent comes`, async () => {
    const { hub, fleet, task, ended, read, allUp, agentOf } = play();
    await fleet.open(hub, () => {});
    await allUp();
    hub.admit([1, 2].map((id) => task(id, "echo $$ $PLACES; exec sleep 1000")));
    await expect.poll(() => read(1).length > 0 && read(2).length > 0, { timeout: 20_000 }).toBe(true);
    const lost = read(1).endsWith("b\n") ? 1 : 2;
    const pid = Number(read(lost).split(" ")[0]);
    const agent = agentOf("b");
    process.kill(agent, signal);
    await expect.poll(() => hub.room().nodes, { timeout: 5000, interval: 10 }).toBe(1);
    await expect.poll(() => ended.get(lost), { timeout: 20_000 }).toMatchObject({ kind: "lost" });
    expect(isAlive(pid)).toBe(false);
    expect(ended.has(3 - lost)).toBe(false);
    await allUp();
    expect(agentOf("b")).not.toBe(agent);
  });

/** An `srun` that starts its command for each host of its list, as that host. */
function withSrun(script: string): NodeJS.ProcessEnv {
  const bin = mkdtempSync(join(tmpdir(), "conifer-srun-"));
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "srun"), `#!/bin/bash\n${script}\n`, { mode: 0o755 });
  const slurm = { SLURM_JOB_ID: "4", SLURM_JOB_NODELIST: "a,b", SLURM_PROCID: "0", SLURM_MEM_PER_CPU: "512" };
  return { ...process.env, ...slurm, PATH: `${bin}:${process.env.PATH}` };
}

test("agents are started by the scheduler's launcher, say who they are, and tasks start from the saved environment", async () => {
  const environment = withSrun(`
    while [[ $1 == --* ]]; do [[ $1 == --nodelist=* ]] && hosts=\${1#*=}; shift; done
    for host in \${hosts//,/ }; do SLURMD_NODENAME=$host SLURM_STEP_ID=3 PMIX_RANK=1 "$@" & done; wait`);
  const { hub, fleet, task, ended, read, allUp, directory } = play({ hosts: "auto", launcher: "auto" }, environment);
  writeFileSync(
    join(directory, "environment"),
    `PATH=${process.env.PATH}\0MODULE=loaded\0SLURM_JOB_ID=4\0SLURM_PROCID=0\0`,
  );
  await fleet.open(hub, () => {});
  await allUp();
  hub.admit([task(1, "env")]);
  await expect.poll(() => ended.has(1), { timeout: 20_000 }).toBe(true);
  expect(read(1)).toMatch(/^MODULE=loaded$/m);
  expect(read(1)).toMatch(/^SLURM_OVERLAP=1$/m);
  expect(read(1)).toMatch(/^SLURMD_NODENAME=[ab]$/m);
  expect(read(1)).not.toMatch(/^(SLURM_STEP_ID|PMIX_RANK|SLURM_PROCID|SLURM_MEM_PER_CPU)=/m);
});

test("a launcher that fails is an error with its words' place, not a pilot that waits", async () => {
  const { hub, fleet, directory } = play(
    { hosts: "auto", launcher: "auto" },
    withSrun("echo no such step >&2; exit 1"),
  );
  await expect(fleet.open(hub, () => {})).rejects.toThrowError(/srun ended with 1.*node\.log/);
  expect(readFileSync(join(directory, "node.log"), "utf8")).toContain("no such step");
});

test("a node that does not come is missed, and the others work", async () => {
  const environment = withSrun(`
    while [[ $1 == --* ]]; do shift; done
    SLURMD_NODENAME=a exec "$@"`);
  const { hub, fleet, task, ended, logged } = play({ hosts: "auto", launcher: "auto", startWithinSec: 1 }, environment);
  await fleet.open(hub, () => {});
  hub.admit([task(1, "true")]);
  await expect.poll(() => ended.get(1), { timeout: 20_000 }).toMatchObject({ kind: "ended" });
  await expect
    .poll(() => logged.find((line) => line.startsWith("nodes did not come")), { timeout: 5000 })
    .toContain('"hosts":["b"]');
});
