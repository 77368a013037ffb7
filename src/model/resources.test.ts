import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { coresPerNode, DEFAULT_RESOURCES, gpusPerNode, totalRanks, whyNeverFits } from "./resources.ts";

describe("resources", () => {
  it("count the cores of ranks and threads, at least one, and hardware threads as shares of a core", () => {
    expect(coresPerNode(DEFAULT_RESOURCES)).toBe(1);
    expect(coresPerNode({ ...DEFAULT_RESOURCES, ranksPerNode: 4, threadsPerRank: 3 })).toBe(12);
    expect(coresPerNode({ ...DEFAULT_RESOURCES, ranksPerNode: 3, threadsPerCore: 2 })).toBe(2);
    expect(totalRanks({ ...DEFAULT_RESOURCES, nodes: 3, ranksPerNode: 4 })).toBe(12);
    expect(gpusPerNode({ ...DEFAULT_RESOURCES, ranksPerNode: 2, gpusPerRank: 0.5 })).toBe(1);
  });

  it("never ask for fewer cores where a job asks for more ranks or threads", () => {
    const small = fc.integer({ min: 1, max: 64 });
    fc.assert(
      fc.property(small, small, small, fc.boolean(), (ranksPerNode, threadsPerRank, threadsPerCore, moreRanks) => {
        const asked = { ...DEFAULT_RESOURCES, ranksPerNode, threadsPerRank, threadsPerCore };
        const more = moreRanks
          ? { ...asked, ranksPerNode: ranksPerNode + 1 }
          : { ...asked, threadsPerRank: threadsPerRank + 1 };
        expect(coresPerNode(more)).toBeGreaterThanOrEqual(coresPerNode(asked));
        expect(coresPerNode(asked) * threadsPerCore).toBeGreaterThanOrEqual(ranksPerNode * threadsPerRank);
      }),
    );
  });

  it("say what a job has too much of", () => {
    const node = { cores: 4, gpus: 1, memoryBytes: 1000 };
    expect(whyNeverFits(DEFAULT_RESOURCES, node, 1)).toBeNull();
    expect(whyNeverFits({ ...DEFAULT_RESOURCES, nodes: 2 }, node, 1)).toBe("needs 2 nodes, there are 1");
    expect(whyNeverFits({ ...DEFAULT_RESOURCES, ranksPerNode: 5 }, node, 1)).toContain("5 cores");
    expect(whyNeverFits({ ...DEFAULT_RESOURCES, gpusPerRank: 2 }, node, 1)).toContain("2 GPUs");
    expect(whyNeverFits({ ...DEFAULT_RESOURCES, memoryPerNodeBytes: 1001 }, node, 1)).toContain("1001 bytes");
    expect(whyNeverFits({ ...DEFAULT_RESOURCES, memoryPerNodeBytes: 1001 }, { ...node, memoryBytes: 0 }, 1)).toBeNull();
  });
});
