import { describe, expect, it } from "vitest";
import type { BatchJob } from "../../client/wire/entities.ts";
import { afterOthers } from "./after.ts";

const batchJob = (change: Partial<BatchJob> = {}): BatchJob => ({
  ...{ id: 1, siteId: 1, site: "here", state: "queued", schedulerId: "41", queue: "", project: "", nodes: 1 },
  ...{ wallTimeMin: 60, filterTags: {}, options: {}, origin: "user", reason: "Priority" },
  ...{ created: "2026-01-01T00:00:00Z", started: null, ended: null, expected: null },
  ...change,
});

describe("a batch job after others", () => {
  const ask = (options: BatchJob["options"], other: Partial<BatchJob> | null, kind = "slurm") =>
    afterOthers({ options }, { get: async (id) => (other === null ? null : batchJob({ id, ...other })), kind });

  it("is given to the scheduler with the others' ids", async () => {
    expect(await ask({ after: ["3", 4], afterWhen: "ok", qos: "x" }, {})).toEqual({
      options: { qos: "x", dependsOn: ["41", "41"], dependsWhen: "ok" },
    });
    expect(await ask({ qos: "x" }, {})).toEqual({ options: { qos: "x" } });
  });

  it("waits for others that are not submitted yet, and on a machine without a scheduler for their end", async () => {
    expect(await ask({ after: [3] }, { state: "pending_submission", schedulerId: null })).toEqual({
      state: "waiting",
      reason: "it comes after batch job 3, which is not submitted yet",
    });
    expect(await ask({ after: [3] }, { state: "running" }, "local")).toMatchObject({ state: "waiting" });
    expect(await ask({ after: [3] }, { state: "failed" }, "local")).toEqual({ options: {} });
  });

  it.each([
    ["ended", "failed", "now"],
    ["ok", "finished", "now"],
    ["ok", "cancelled", "never"],
    ["failed", "submit_failed", "now"],
    ["failed", "finished", "never"],
    ["started", "submit_failed", "never"],
    ["started", "running", "now"],
  ] as const)("that must be %s, and are %s, may start %s", async (afterWhen, state, expected) => {
    const answer = await ask({ after: [3], afterWhen }, { state });
    expect(answer).toMatchObject(expected === "now" ? { options: {} } : { state: "refused" });
  });

  it("is refused where the other is not there, or is no id", async () => {
    expect(await ask({ after: [3] }, null)).toEqual({
      state: "refused",
      reason: "there is no batch job 3 to come after",
    });
    expect(await ask({ after: ["last"] }, {})).toMatchObject({ state: "refused" });
  });
});
