import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { Lab } from "../pilot/lab.ts";

test("two MPI jobs that share a node stay on their own cores, and each rank knows its number", async () => {
  await using lab = await Lab.open();
  await lab.app({
    name: "ranks",
    command: "grep Cpus_allowed_list /proc/self/status; echo rank $OMPI_COMM_WORLD_RANK; sleep 2",
  });
  const pilot = lab.startPilot({ node: { cores: 2, gpus: 0, memoryBytes: null } });
  // Two ranks on one core each: two hardware threads are used of it.
  const ids = await lab.create(
    ...[1, 2].map(() => ({ app: "ranks", ranksPerNode: 2, threadsPerCore: 2, maxAttempts: 1 })),
  );
  await lab.until(ids, "RUNNING", "FAILED");
  await lab.until(ids, "JOB_FINISHED");
  const outputs = await Promise.all(ids.map(async (id) => ((await lab.file(id, "job.out")) ?? "").trim().split("\n")));
  const coresOf = (lines: readonly string[]) => new Set(lines.filter((line) => line.startsWith("Cpus_allowed_list")));
  for (const lines of outputs) {
    expect(lines.filter((line) => line.startsWith("rank")).sort()).toEqual(["rank 0", "rank 1"]);
    expect(coresOf(lines).size).toBe(1);
  }
  expect(coresOf(outputs.flat()).size).toBe(2);
  expect(pilot.log.some(({ msg }) => msg === "looked for an MPI launcher")).toBe(true);
});

test("a killed MPI job leaves no rank behind", async () => {
  await using lab = await Lab.open();
  lab.startPilot({ node: { cores: 2, gpus: 0, memoryBytes: null } });
  await lab.app({ name: "ranks", command: "echo up; exec sleep 1000.{{job.id}}" });
  const [id = 0] = await lab.create({ app: "ranks", ranksPerNode: 2 });
  await expect.poll(async () => (await lab.file(id, "job.out"))?.match(/up/g)?.length, { timeout: 60_000 }).toBe(2);
  await lab.client.call("jobKill", { body: { ids: [id] } });
  await lab.until([id], "USER_KILLED");
  expect(execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })).not.toContain(`sleep 1000.${id}\n`);
});
