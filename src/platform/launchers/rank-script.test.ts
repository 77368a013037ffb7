import { execFileSync } from "node:child_process";
import { hostname } from "node:os";
import { expect, test } from "vitest";
import { type RankPlace, type RankPlaces, rankCommand } from "./rank-script.ts";

const own = hostname();
const cores = execFileSync("sh", ["-c", "grep Cpus_allowed_list /proc/self/status"], { encoding: "utf8" });
const first = Number(/\d+/.exec(cores)?.[0]);
const show = 'grep Cpus_allowed_list /proc/self/status; echo "gpus=$CUDA_VISIBLE_DEVICES arguments=$*"';

function run(places: readonly RankPlace[], part: Partial<RankPlaces> = {}, env: Record<string, string> = {}): string {
  const command = rankCommand(["sh", "-c", show, "sh", "a b", "$(id)"], {
    ...{ places, ranksPerNode: 2, cores: "task", gpus: "task" },
    ...part,
  });
  const [program = "", ...arguments_] = command;
  return execFileSync(program, arguments_, { encoding: "utf8", env: { PATH: process.env.PATH, ...env } });
}

const gpus = (...ids: string[]) => ids.map((id) => ({ kind: "cuda" as const, id }));

test("a rank takes the cores and GPUs that its task has on this node, and arguments stay as they are", () => {
  const output = run([
    { hostname: "elsewhere", cores: [99], gpus: gpus("7") },
    { hostname: own, cores: [first], gpus: gpus("0", "1") },
  ]);
  expect(output).toMatch(new RegExp(`^Cpus_allowed_list:\\s+${first}$`, "m"));
  expect(output).toContain("gpus=0,1 arguments=a b $(id)");
});

test("full and short names of a host mean the same", () => {
  const far = { hostname: "elsewhere", cores: null, gpus: gpus("7") };
  expect(run([far, far, { hostname: `${own}.cluster`, cores: null, gpus: gpus("3") }])).toContain("gpus=3");
});

test("each rank has its own part where that is asked, by whichever launcher it was started", () => {
  const places = [{ hostname: own, cores: null, gpus: gpus("0", "1", "2", "3") }];
  const gpusOf = (env: Record<string, string>) => /gpus=(\S*)/.exec(run(places, { gpus: "rank" }, env))?.[1];
  expect(gpusOf({ OMPI_COMM_WORLD_LOCAL_RANK: "1", SLURM_LOCALID: "0" })).toBe("2,3");
  for (const name of ["MPI_LOCALRANKID", "PALS_LOCAL_RANKID", "SLURM_LOCALID", "JSM_NAMESPACE_LOCAL_RANK"])
    expect(gpusOf({ [name]: "1" })).toBe("2,3");
  expect(gpusOf({ SLURM_LOCALID: "0" })).toBe("0,1");
});

test("ranks share a device or a core where there are fewer than ranks", () => {
  const places = [{ hostname: own, cores: null, gpus: gpus("5") }];
  expect(run(places, { gpus: "rank", ranksPerNode: 4 }, { SLURM_LOCALID: "3" })).toContain("gpus=5");
});

test("a core that there is not leaves the rank where it is", () => {
  expect(run([{ hostname: own, cores: [4095], gpus: [] }])).toContain("arguments=a b");
});

test("a task over thousands of whole nodes fits into one argument", () => {
  const places = Array.from({ length: 4096 }, (_, node) => ({
    ...{ hostname: `nid${String(node).padStart(6, "0")}`, gpus: gpus("0", "1", "2", "3") },
    cores: Array.from({ length: 64 }, (_, core) => core),
  }));
  const script = rankCommand([], { places, ranksPerNode: 64, cores: "rank", gpus: "rank" })[2] ?? "";
  expect(script.length).toBeLessThan(4096);
});
