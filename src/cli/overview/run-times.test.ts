import { describe, expect, test } from "vitest";
import type { JobEvent } from "../../client/wire/entities.ts";
import { placeRuns, type Run, runsOf } from "./run-times.ts";

const event = (at: number, path: string[], data: Record<string, unknown> = {}, attempt = 1): JobEvent =>
  ({
    ...{ id: at, jobId: 7, from: "PREPROCESSED", path, attempt, sessionId: 1, batchJobId: 3, stale: false, data },
    at: new Date(at).toISOString(),
  }) as unknown as JobEvent;

describe("runs of a job", () => {
  test("begin with RUNNING and end with what followed, attempt by attempt", () => {
    const runs = runsOf([
      event(1000, ["RUNNING"], { node: "n1", cores: [2] }),
      event(5000, ["RUN_ERROR", "RESTART_READY"], { exitCode: 1 }),
      event(6000, ["RUNNING"], { node: "n2", cores: [0, 1] }, 2),
      event(8000, ["RUN_DONE", "POSTPROCESSED", "STAGED_OUT", "JOB_FINISHED"], {}, 2),
    ]);
    expect(runs.map(({ nodes, startMs, endMs, outcome }) => ({ nodes, startMs, endMs, outcome }))).toEqual([
      { nodes: ["n1"], startMs: 1000, endMs: 5000, outcome: "failed" },
      { nodes: ["n2"], startMs: 6000, endMs: 8000, outcome: "ok" },
    ]);
  });

  test("told in one event begin where it says they began", () => {
    const [run] = runsOf([event(9000, ["RUNNING", "RUN_DONE"], { startedAt: 8500, node: "n1" })]);
    expect(run).toMatchObject({ startMs: 8500, endMs: 9000, outcome: "ok" });
  });

  test("leave out what came too late and what still runs", () => {
    expect(runsOf([{ ...event(1, ["RUNNING"]), stale: true }, event(2, ["RUN_DONE"])])).toEqual([]);
    expect(runsOf([event(1, ["RUNNING"])])).toEqual([]);
  });
});

test("runs take the slots of their cores, and those without cores the first that is free", () => {
  const run = (startMs: number, endMs: number, cores: number[]): Run => ({
    ...{ job: 7, attempt: 1, batchJob: null, nodes: ["n1"], outcome: "ok" },
    ...{ startMs, endMs, cores },
  });
  const labels = new Map([[7, { label: "seven", group: "app" }]]);
  const slots = (runs: Run[]) => placeRuns(runs, labels).map(({ slot, startMs }) => [startMs, slot]);
  expect(slots([run(0, 9, [4]), run(1, 5, [6, 8]), run(6, 7, [8])])).toEqual([
    [0, 0],
    [1, 1],
    [1, 2],
    [6, 2],
  ]);
  expect(slots([run(0, 4, []), run(1, 3, []), run(3, 5, []), run(4, 6, [])])).toEqual([
    [0, 0],
    [1, 1],
    [3, 1],
    [4, 0],
  ]);
});

test("a run over several nodes stands on each of them, as wide as it is, and is one task", () => {
  const [run] = runsOf([event(9000, ["RUNNING", "RUN_DONE"], { startedAt: 8000, node: "n1,n3" })]);
  const bars = placeRuns(run ? [run] : [], new Map([[7, { label: "wide", group: "app", cores: 2 }]]));
  expect(bars.map(({ node, slot, part }) => [node, slot, part])).toEqual([
    ["n1", 0, 0],
    ["n1", 1, 1],
    ["n3", 0, 2],
    ["n3", 1, 3],
  ]);
});
