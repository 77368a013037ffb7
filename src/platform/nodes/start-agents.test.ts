import { expect, test } from "vitest";
import { type AgentLaunch, agentCommands, launcherEnvironment, launcherFor } from "./start-agents.ts";

const launch: AgentLaunch = {
  hosts: ["n1", "n2"],
  positions: [1, 2],
  command: () => ["/usr/bin/node", "/opt/a b/pilot-node.js", '{"connect":"/s/run"}'],
  options: [],
  mpi: "openmpi",
  asRoot: false,
};
const lines = (launcher: Parameters<typeof agentCommands>[0], part: Partial<AgentLaunch> = {}): string[] =>
  agentCommands(launcher, { ...launch, command: () => ["node", "agent.js"], ...part }).map(({ argv }) =>
    argv.join(" "),
  );

test("srun starts them in one step that claims nothing and lets each die alone", () => {
  const [line = "", ...more] = lines("srun", { options: ["--constraint=knl"] });
  expect(more).toEqual([]);
  for (const option of [
    "--overlap",
    "--mem=0",
    "--mpi=none",
    "--kill-on-bad-exit=0",
    "--no-kill",
    "--ntasks-per-node=1",
  ])
    expect(line.split(" ")).toContain(option);
  expect(line).toMatch(/^srun .*--nodelist=n1,n2 .*--constraint=knl node agent\.js$/);
});

test("both families of mpiexec start one on each host and survive the end of one", () => {
  expect(lines("mpiexec")).toEqual([
    "mpiexec -n 2 --host n1:1,n2:1 --map-by ppr:1:node --bind-to none --enable-recovery --mca orte_abort_on_non_zero_status 0 node agent.js",
  ]);
  expect(lines("mpiexec", { asRoot: true })[0]).toContain("mpiexec --allow-run-as-root -n 2");
  expect(lines("mpiexec", { mpi: "mpich" })).toEqual([
    "mpiexec -n 2 -ppn 1 -hosts n1,n2 -bind-to none -disable-auto-cleanup node agent.js",
  ]);
});

test("remote shells get one word that means the command, whatever is in it", () => {
  const [first] = agentCommands("ssh", launch);
  expect(first?.hosts).toEqual(["n1"]);
  expect(first?.argv.slice(-2)).toEqual(["n1", `exec /usr/bin/node '/opt/a b/pilot-node.js' '{"connect":"/s/run"}'`]);
  expect(first?.argv).toContain("BatchMode=yes");
  expect(lines("parallel")).toEqual(["parallel --nonall -j0 --sshlogin n1,n2 node agent.js"]);
});

test("the schedulers' own ways name hosts or count them", () => {
  expect(lines("pbsdsh")).toEqual(["pbsdsh -n 1 -- node agent.js", "pbsdsh -n 2 -- node agent.js"]);
  expect(lines("blaunch")).toEqual(["blaunch -z n1 n2 node agent.js"]);
  expect(lines("qrsh")).toEqual(["qrsh -inherit -nostdin n1 node agent.js", "qrsh -inherit -nostdin n2 node agent.js"]);
  expect(lines("aprun", { hosts: ["nid00012", "nid00100"] })).toEqual([
    "aprun -n 2 -N 1 -L 12,100 -cc none -q node agent.js",
  ]);
  expect(lines("jsrun")[0]).toBe(
    "jsrun --nrs 2 --tasks_per_rs 1 --rs_per_host 1 --cpu_per_rs ALL_CPUS --gpu_per_rs ALL_GPUS --bind none node agent.js",
  );
  expect(lines("flux")).toEqual(["flux exec -r 1,2 node agent.js"]);
});

test("the launcher goes with the scheduler unless the settings choose one", () => {
  expect(launcherFor("slurm", {})).toBe("srun");
  expect(launcherFor("pbs", {})).toBe("pbsdsh");
  expect(launcherFor("cobalt", {})).toBe("aprun");
  expect(launcherFor("cobalt", { COBALT_NODEFILE: "/f" })).toBe("ssh");
  expect(launcherFor("none", {})).toBe("local");
});

test("what a batch script asked for its own tasks does not shape the agents' step", () => {
  const environment = { SLURM_MEM_PER_CPU: "512", SLURM_CPUS_PER_TASK: "2", SLURM_NTASKS: "4", SLURM_JOB_ID: "4" };
  expect(launcherEnvironment(environment)).toEqual({ SLURM_JOB_ID: "4", SLURM_OVERLAP: "1", SLURM_MEM_PER_NODE: "0" });
  expect(launcherEnvironment({ SLURM_JOB_ID: "4", SLURM_GPUS_ON_NODE: "2" })).toMatchObject({ SLURM_GRES: "gpu:2" });
  expect(launcherEnvironment({ PBS_JOBID: "81" })).toEqual({ PBS_JOBID: "81" });
});
