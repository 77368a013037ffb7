import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { judgeRanks, rankReport } from "./ranks.ts";

/** What a rank with these variables prints. */
function rank(environment: Record<string, string>): string {
  const [program = "", ...words] = rankReport();
  return execFileSync(program, words, { env: { PATH: process.env.PATH ?? "", ...environment }, encoding: "utf8" });
}
const judge = (ranks: Record<string, string>[], family = "openmpi") =>
  judgeRanks(ranks.map(rank).join(""), { ranks: 2, family });

describe("ranks that a launcher starts", () => {
  it.each([
    ["Open MPI", [{ OMPI_COMM_WORLD_RANK: "0" }, { OMPI_COMM_WORLD_RANK: "1" }]],
    ["Hydra", [{ PMI_RANK: "1" }, { PMI_RANK: "0" }]],
    ["PALS", [{ PALS_RANKID: "0" }, { PALS_RANKID: "1" }]],
    [
      "srun with PMIx",
      [
        { SLURM_PROCID: "0", PMIX_RANK: "0" },
        { SLURM_PROCID: "1", PMIX_RANK: "1" },
      ],
    ],
  ])("know each other by the variables of %s", (_, ranks) => {
    expect(judge(ranks)).toMatchObject({ check: "mpi", level: "ok" });
  });

  it("that all take themselves for rank 0 are a failure, although they ended well", () => {
    expect(judge([{ PMI_RANK: "0" }, { PMI_RANK: "0" }])).toMatchObject({
      level: "fail",
      text: "openmpi started 2 ranks, each of which takes itself for rank 0",
    });
    expect(judge([{}, {}]).level).toBe("fail");
  });

  it("that only srun numbers are told to need a way to speak", () => {
    const line = judge([{ SLURM_PROCID: "0" }, { SLURM_PROCID: "1" }], "srun");
    expect(line.level).toBe("warn");
    expect(line.fix).toContain("pilot.ranks.pmi");
  });

  it("that did not all start are counted", () => {
    expect(judge([{ PMI_RANK: "0" }]).text).toBe("openmpi started 1 of 2 ranks");
  });
});
