import { describe, expect, it } from "vitest";
import type { BatchJob } from "../../client/wire/entities.ts";
import { toUpdate } from "./sync.ts";

const batchJob = (change: Partial<BatchJob> = {}): BatchJob => ({
  ...{ id: 1, siteId: 1, site: "here", state: "queued", schedulerId: "41", queue: "", project: "", nodes: 1 },
  ...{ wallTimeMin: 60, filterTags: {}, options: {}, origin: "user", reason: "Priority" },
  ...{ created: "2026-01-01T00:00:00Z", started: null, ended: null, expected: null },
  ...change,
});

describe("what the server is told of a batch job", () => {
  const queued = (reason: string, expectedStartAt: number | null = null) =>
    ({ state: "queued", id: "41", reason, expectedStartAt }) as const;

  it("is nothing where it knows, and every new reason while it waits", () => {
    expect(toUpdate(batchJob(), queued("Priority"))).toBeNull();
    expect(toUpdate(batchJob(), queued("Resources"))).toEqual({
      id: 1,
      schedulerId: "41",
      state: "queued",
      reason: "Resources",
    });
  });

  it("is when it is expected to start, and again only where that has moved", () => {
    const at = Date.parse("2026-01-01T10:00:00.000Z");
    expect(toUpdate(batchJob(), queued("Priority", at))).toMatchObject({ expected: "2026-01-01T10:00:00.000Z" });
    const told = batchJob({ expected: "2026-01-01T10:00:00.000Z" });
    expect(toUpdate(told, queued("Priority", at + 60_000))).toBeNull();
    expect(toUpdate(told, queued("Priority", at + 600_000))).toMatchObject({ expected: "2026-01-01T10:10:00.000Z" });
  });

  it("is when its time is over, once it runs", () => {
    const endsAt = Date.parse("2026-01-01T12:00:00.000Z");
    expect(toUpdate(batchJob(), { state: "running", id: "41", startedAt: endsAt - 3_600_000, endsAt })).toEqual({
      ...{ id: 1, schedulerId: "41", state: "running", reason: "" },
      ...{ started: "2026-01-01T11:00:00.000Z", expected: "2026-01-01T12:00:00.000Z" },
    });
  });

  it("is why it cannot be told how it is, where the scheduler says so, and its state stays", () => {
    expect(toUpdate(batchJob(), { state: "unknown", id: "41" })).toBeNull();
    expect(toUpdate(batchJob(), { state: "unknown", id: "41", reason: "accounting is away" })).toEqual({
      id: 1,
      reason: "accounting is away",
    });
  });

  it("leaves one that is being given up its state and its user's words", () => {
    const leaving = batchJob({ state: "pending_deletion", reason: "not needed" });
    expect(toUpdate(leaving, queued("Priority"))).toBeNull();
  });
});
