import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { chooseSrunMpi, findMpi, readMpiVersion } from "./find-mpi.ts";
import { mpiArguments, type RankLaunch, startsOn } from "./mpi-arguments.ts";

const openMpi = { family: "openmpi", program: "mpiexec", version: "4.1.4" } as const;
const mpich = { family: "mpich", program: "/opt/mpich/bin/mpiexec", version: "4.0.2" } as const;
const launch: RankLaunch = {
  ...{ ranksPerNode: 4, threadsPerRank: 2, threadsPerCore: 1, coresPerNode: 8, gpusPerRank: 0.5 },
  hosts: ["nid01"],
  environment: ["PATH", "SECRET"],
  options: ["--mca", "btl", "self,vader"],
  command: ["sh", "-c", "lmp -in in.melt"],
  asRoot: false,
};
const program = (content: string): string => {
  const file = join(mkdtempSync(join(tmpdir(), "conifer-mpi-")), "mpiexec");
  writeFileSync(file, `#!/bin/sh\n${content}\n`, { mode: 0o755 });
  return file;
};

test("Open MPI on one node gets its slots and leaves binding to the task's core list", () => {
  expect(mpiArguments(openMpi, launch).join(" ")).toBe(
    "mpiexec -n 4 --host localhost:4 --map-by ppr:4:node:oversubscribe --bind-to none --mca btl self,vader sh -c lmp -in in.melt",
  );
});

test("what a batch system says of slots is no limit for Open MPI, and the hosts are exactly those named", () => {
  const line = mpiArguments(openMpi, { ...launch, hosts: ["n2", "n4"] }).join(" ");
  expect(line).toContain("-n 8 --host n2:4,n4:4 --map-by ppr:4:node:oversubscribe");
  expect(line).not.toContain("ras");
});

test("Open MPI is told when it runs as root", () => {
  expect(mpiArguments(openMpi, { ...launch, asRoot: true })[1]).toBe("--allow-run-as-root");
});

test("Hydra on one node forks, whatever batch system is around it", () => {
  expect(mpiArguments(mpich, { ...launch, options: [] }).join(" ")).toBe(
    "/opt/mpich/bin/mpiexec -launcher fork -n 4 -ppn 4 -hosts localhost -bind-to none sh -c lmp -in in.melt",
  );
});

test("over several nodes both put the same number of ranks on each", () => {
  const spread = { ...launch, hosts: ["nid01", "nid02"], options: [] };
  expect(mpiArguments(openMpi, spread).join(" ")).toContain("-n 8 --host nid01:4,nid02:4 --map-by ppr:4:node");
  expect(mpiArguments(mpich, spread).join(" ")).toContain("-n 8 -ppn 4 -hosts nid01,nid02");
});

test("[B11] no value of the environment is ever an argument of a launcher", () => {
  for (const launcher of [openMpi, mpich])
    for (const hosts of [["a"], ["a", "b"]])
      expect(mpiArguments(launcher, { ...launch, hosts }).join(" ")).not.toContain("=");
});

test("srun starts a step beside all others, on exactly these hosts, by the interface that the site has", () => {
  const srun = { family: "srun", program: "srun", version: "22.05", pmi: "pmix" } as const;
  const line = mpiArguments(srun, { ...launch, hosts: ["n1", "n2"], options: ["--time=5"] }).join(" ");
  expect(line).toContain("srun --overlap --nodes=2 --ntasks=8 --ntasks-per-node=4 --nodelist=n1,n2");
  expect(line).toContain("--cpu-bind=none --mpi=pmix");
  expect(line).toMatch(/--export=ALL --time=5 sh -c lmp -in in.melt$/);
  expect(startsOn(srun)).toBe("first-node");
});

test("aprun and jsrun are called on the batch host and say depth and GPUs", () => {
  const aprun = { family: "aprun", program: "aprun", version: "1" } as const;
  expect(mpiArguments(aprun, { ...launch, hosts: ["nid00007", "nid00012"], options: [] }).join(" ")).toBe(
    "aprun -n 8 -N 4 -L 7,12 -d 2 -j 1 -cc none -q sh -c lmp -in in.melt",
  );
  const jsrun = { family: "jsrun", program: "jsrun", version: "1" } as const;
  expect(mpiArguments(jsrun, { ...launch, hosts: ["a", "b"], options: [] }).join(" ")).toContain(
    "jsrun --nrs 2 --rs_per_host 1 --tasks_per_rs 4 --cpu_per_rs 8 --gpu_per_rs 2",
  );
  expect([startsOn(aprun), startsOn(jsrun)]).toEqual(["batch-host", "batch-host"]);
  expect(startsOn({ ...aprun, startsOn: "first-node" })).toBe("first-node");
});

test("Cray's mpiexec gets its own spelling", () => {
  const pals = { family: "pals", program: "mpiexec", version: "1.2" } as const;
  expect(mpiArguments(pals, { ...launch, hosts: ["x1", "x2"], options: [] }).join(" ")).toContain(
    "mpiexec -n 8 --ppn 4 --hosts x1,x2 --cpu-bind none --envall sh -c",
  );
});

test("[B57] a site's own launcher is a list of words with placeholders, and no value splits a word", () => {
  const template = ["run", "-n={{ranks}}", "{{ hosts }}", "-d", "{{threads_per_rank}}"];
  const custom = { family: "custom", program: "custom", version: "", template } as const;
  expect(mpiArguments(custom, { ...launch, hosts: ["a", "b c"], options: [] })).toEqual([
    "run",
    "-n=8",
    "a,b c",
    "-d",
    "2",
    "sh",
    "-c",
    "lmp -in in.melt",
  ]);
  expect(() => mpiArguments({ ...custom, template: ["{{rank}}"] }, launch)).toThrowError(
    /no \{\{rank\}\}; there are ranks/,
  );
});

test("srun is asked what ranks can speak, unless the site has chosen", () => {
  const list =
    "MPI plugin types are...\n\tpmix\n\tnone\n\tcray_shasta\n\tpmi2\nspecific pmix plugin versions available: pmix_v4\n";
  expect(chooseSrunMpi(list, "MpiDefault              = none\n")).toBe("pmix");
  expect(chooseSrunMpi(list, "MpiDefault              = cray_shasta\n")).toBeNull();
  expect(chooseSrunMpi("srun: MPI types are...\nnone\npmi2\n", "")).toBe("pmi2");
  expect(chooseSrunMpi("MPI plugin types are...\n\tnone\n", "")).toBeNull();
});

test("versions of both families are told apart", () => {
  expect(readMpiVersion("mpiexec (OpenRTE) 4.1.4\n")).toEqual({ family: "openmpi", version: "4.1.4" });
  expect(readMpiVersion("mpirun (Open MPI) 5.0.3\n")).toEqual({ family: "openmpi", version: "5.0.3" });
  expect(readMpiVersion("HYDRA build details:\n    Version:      4.0.2\n")).toEqual({
    family: "mpich",
    version: "4.0.2",
  });
  expect(readMpiVersion("Intel(R) MPI Library for Linux* OS, Version 2021.8 Build 2022\n")).toEqual({
    family: "mpich",
    version: "2021.8",
  });
  expect(readMpiVersion("slurm 23.02.7")).toBeNull();
});

test("a launcher is found by what it says of itself", async () => {
  const found = await findMpi("auto", program("echo 'mpiexec (OpenRTE) 4.1.4'"));
  expect(found).toMatchObject({ launcher: { family: "openmpi", version: "4.1.4" } });
});

test("why there is no launcher is said: switched off, missing, broken or unknown", async () => {
  expect(await findMpi("none")).toEqual({ missing: "MPI is switched off in the site's settings" });
  expect(await findMpi("auto", "/nowhere/mpiexec")).toEqual({
    missing: "/nowhere/mpiexec could not be run: it is not on PATH",
  });
  expect(await findMpi("auto", program("exit 3"))).toHaveProperty("missing", expect.stringContaining("could not"));
  expect(await findMpi("auto", program("echo slurm 23"))).toHaveProperty("missing", expect.stringContaining("neither"));
  expect(await findMpi("mpich", program("echo slurm 23"))).toMatchObject({ launcher: { family: "mpich" } });
});
