import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Installation } from "../setup/installation.ts";

const PROGRAM = `
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) {
  int rank, size;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  int sum = 0;
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  printf("rank %d of %d sum %d secret %s\\n", rank, size, sum, getenv("SECRET") ? getenv("SECRET") : "none");
  fflush(stdout);
  if (argc > 1) sleep(atoi(argv[1]));
  MPI_Finalize();
  return 0;
}`;

test("[B11] ranks of one job find each other, and the environment stays out of argv", async () => {
  await using lab = await Installation.open();
  const program = join(lab.directory, "ranks");
  writeFileSync(`${program}.c`, PROGRAM);
  execFileSync("mpicc", ["-O1", "-o", program, `${program}.c`]);
  await lab.register([
    { name: "ranks", command: `${program} {{seconds}}`, parameters: { seconds: { type: "integer", default: 0 } } },
  ]);
  await lab.startAgent();
  const environment = { SECRET: "not-for-argv" };
  const [done = 0, slow = 0] = await lab.create(
    { app: "ranks", ranksPerNode: 2, environment },
    { app: "ranks", ranksPerNode: 2, environment, parameters: { seconds: 600 } },
  );
  await lab.submit({ wallTimeMin: 10 });

  const job = await lab.untilState(done, "JOB_FINISHED", "FAILED");
  expect(job.reason + lab.read(`data/${job.workdir}/job.err`)).not.toMatch(/failed/i);
  const lines = lab.read(`data/${job.workdir}/job.out`).trim().split("\n").sort();
  expect(lines).toEqual(["rank 0 of 2 sum 1 secret not-for-argv", "rank 1 of 2 sum 1 secret not-for-argv"]);

  await lab.untilState(slow, "RUNNING");
  await lab.until("both ranks run", async () => (await lab.processesOf(slow)).length >= 3);
  expect(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })).not.toContain("not-for-argv");
  await lab.client.call("jobKill", { body: { ids: [slow] } });
  await lab.untilState(slow, "USER_KILLED");
  await lab.until("no rank is left", async () => (await lab.processesOf(slow)).length === 0);
});
