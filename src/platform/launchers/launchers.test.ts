import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findMpi, readMpiVersion } from "./find-mpi.ts";
import { mpiArguments, type RankLaunch } from "./mpi-arguments.ts";

const openMpi = { family: "openmpi", program: "mpiexec", version: "4.1.4" } as const;
const mpich = { family: "mpich", program: "/opt/mpich/bin/mpiexec", version: "4.0.2" } as const;
const launch: RankLaunch = {
  ranksPerNode: 4,
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
    "mpiexec -n 4 --host localhost:4 --bind-to none --mca btl self,vader sh -c lmp -in in.melt",
  );
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
