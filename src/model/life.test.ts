import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FAILURE_KINDS } from "./attempts.ts";
import { type Standing, settle } from "./life.ts";
import { HOOK_OF_STATE, isFinal, isRunnable, JOB_STATES, type JobState, mayMove } from "./states.ts";

const standing = fc.record<Standing>({
  stages: fc.record({
    stageIn: fc.boolean(),
    preprocess: fc.boolean(),
    postprocess: fc.boolean(),
    stageOut: fc.boolean(),
    onError: fc.boolean(),
    onTimeout: fc.boolean(),
  }),
  waitingFor: fc.nat(3),
  attempt: fc.integer({ min: 1, max: 6 }),
  losses: fc.nat(5),
  policy: fc.record({
    maxAttempts: fc.integer({ min: 1, max: 5 }),
    retryOn: fc.subarray([...FAILURE_KINDS]),
    maxLosses: fc.nat(4),
  }),
  failure: fc.constantFrom(null, ...FAILURE_KINDS),
});
const bare: Standing = {
  stages: { stageIn: false, preprocess: false, postprocess: false, stageOut: false, onError: false, onTimeout: false },
  waitingFor: 0,
  attempt: 1,
  losses: 0,
  policy: { maxAttempts: 3, retryOn: ["timeout"], maxLosses: 3 },
  failure: null,
};

describe("settle", () => {
  it("makes only moves that the table has for the server", () => {
    fc.assert(
      fc.property(fc.constantFrom(...JOB_STATES), standing, (state, job) => {
        let at: JobState = state;
        for (const next of settle(state, job).path) {
          expect(mayMove(at, next, "server"), `${at} > ${next}`).toBe(true);
          at = next;
        }
      }),
    );
  });

  it("ends where somebody must do something: from there it goes no further, and never in a circle", () => {
    fc.assert(
      fc.property(fc.constantFrom(...JOB_STATES), standing, (state, job) => {
        const { path } = settle(state, job);
        const last = path.at(-1) ?? state;
        expect(settle(last, job).path).toEqual([]);
        expect(new Set([state, ...path]).size).toBe(path.length + 1);
      }),
    );
  });

  it("rests only at an end, at a pilot, in a run, at a stage the job has, or at its parents", () => {
    fc.assert(
      fc.property(fc.constantFrom(...JOB_STATES), standing, (state, job) => {
        const last = settle(state, job).path.at(-1) ?? state;
        const waits: Partial<Record<JobState, boolean>> = {
          AWAITING_PARENTS: job.waitingFor > 0,
          READY: job.stages.stageIn,
          POSTPROCESSED: job.stages.stageOut,
          RUNNING: true,
        };
        const hook = last in HOOK_OF_STATE ? HOOK_OF_STATE[last as keyof typeof HOOK_OF_STATE] : null;
        expect(isFinal(last) || isRunnable(last) || waits[last] === true || (hook !== null && job.stages[hook])).toBe(
          true,
        );
      }),
    );
  });

  it("costs nothing for stages that a job does not have", () => {
    expect(settle("CREATED", bare).path).toEqual(["READY", "STAGED_IN", "PREPROCESSED"]);
    expect(settle("RUN_DONE", bare).path).toEqual(["POSTPROCESSED", "STAGED_OUT", "JOB_FINISHED"]);
  });

  it("says why a failed job runs again or not", () => {
    expect(settle("RUN_TIMEOUT", { ...bare, failure: "timeout" })).toEqual({
      path: ["RESTART_READY"],
      reason: "timeout in attempt 1 of 3",
    });
    expect(settle("RUN_ERROR", { ...bare, failure: "error" })).toEqual({
      path: ["FAILED"],
      reason: "error is not retried",
    });
  });
});
