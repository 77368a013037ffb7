import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReportItem } from "../../client/wire/sessions.ts";
import { isRunnable, JOB_STATES, type JobState, mayMove } from "../../model/states.ts";
import type { LifeRow } from "../life/index.ts";
import { judgeReport } from "./judge-report.ts";

const SESSION = 7;
const NOW = 1_000_000;
const STAGES = {
  stageIn: false,
  preprocess: false,
  postprocess: false,
  stageOut: false,
  onError: false,
  onTimeout: false,
};
const row = (given: Partial<LifeRow> = {}): LifeRow => ({
  id: 1,
  siteId: 1,
  appId: 1,
  state: "PREPROCESSED",
  waitingFor: 0,
  attempt: 0,
  losses: 0,
  sessionId: SESSION,
  batchJobId: null,
  failure: null,
  killRequested: false,
  killReason: "",
  stages: STAGES,
  ...given,
});
const item = (state: ReportItem["state"], given: Partial<ReportItem> = {}): ReportItem => ({
  job: 1,
  attempt: 1,
  state,
  at: NOW - 10,
  ...given,
});
const judge = (rows: LifeRow[], ...items: ReportItem[]) => judgeReport(items, { rows, sessionId: SESSION, now: NOW });

describe("judging a report", () => {
  it("makes one step of a start and an end, in whatever order they come", () => {
    const told = [item("RUN_DONE", { exitCode: 0, at: NOW - 5 }), item("RUNNING", { node: "n1", at: NOW - 50 })];
    expect(judge([row()], ...told)).toEqual({
      accepted: 2,
      stale: [],
      steps: [
        expect.objectContaining({
          path: ["RUNNING", "RUN_DONE"],
          actor: "pilot",
          attempt: 1,
          startedAt: NOW - 50,
          at: NOW - 5,
          data: { node: "n1", exitCode: 0 },
        }),
      ],
    });
  });

  it("takes an end whose start was never told as a start too", () => {
    expect(judge([row()], item("RUN_TIMEOUT", { failure: "lost" })).steps[0]).toMatchObject({
      path: ["RUNNING", "RUN_TIMEOUT"],
      failure: "lost",
    });
    expect(judge([row()], item("RUN_ERROR")).steps[0]).toMatchObject({
      path: ["RUN_ERROR"],
      attempt: 1,
      failure: "error",
    });
  });

  it("accepts a start told again without a step", () => {
    expect(judge([row({ state: "RUNNING", attempt: 1 })], item("RUNNING"))).toEqual({
      accepted: 1,
      stale: [],
      steps: [],
    });
  });

  it("calls stale what another session holds, another attempt, and what nobody holds", () => {
    const why = (told: LifeRow | undefined, said: ReportItem) => judge(told ? [told] : [], said).stale[0]?.why;
    expect(why(row({ sessionId: 8 }), item("RUNNING"))).toBe("session 8 holds it");
    expect(why(row({ attempt: 1 }), item("RUNNING"))).toBe("attempt 2 is the present one");
    expect(why(row({ state: "RUNNING", attempt: 2 }), item("RUN_DONE"))).toBe("attempt 2 is the present one");
    expect(why(row({ state: "JOB_FINISHED", attempt: 1, sessionId: null }), item("RUN_DONE"))).toBe(
      "no session holds it: it is JOB_FINISHED",
    );
    expect(why(undefined, item("RUN_DONE"))).toBe("there is no such job");
  });

  it("takes the word of a kill for an unstarted job only where its user asked", () => {
    expect(judge([row()], item("USER_KILLED")).stale[0]?.why).toBe("nobody asked to kill it");
    expect(judge([row({ killRequested: true })], item("USER_KILLED")).steps[0]).toMatchObject({
      path: ["USER_KILLED"],
      actor: "server",
    });
  });

  it("brings back times that lie ahead of the server's clock", () => {
    const { steps } = judge([row()], item("RUNNING", { at: NOW + 1 }), item("RUN_DONE", { at: NOW + 9e9 }));
    expect(steps[0]).toMatchObject({ startedAt: NOW, at: NOW });
  });

  it("never makes a step that the table does not have for its actor, and counts every item once", () => {
    const states = fc.constantFrom<JobState>(...JOB_STATES);
    const rows = fc.record({
      state: states,
      attempt: fc.nat(2),
      killRequested: fc.boolean(),
      held: fc.constantFrom(SESSION, 8, null),
    });
    const items = fc.array(
      fc.record({
        state: fc.constantFrom<ReportItem["state"]>("RUNNING", "RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT", "USER_KILLED"),
        attempt: fc.integer({ min: 1, max: 3 }),
      }),
      { minLength: 1, maxLength: 5 },
    );
    fc.assert(
      fc.property(rows, items, ({ held, ...given }, told) => {
        const isHeld = given.state === "RUNNING" || isRunnable(given.state);
        const present = row({ ...given, sessionId: isHeld ? held : null });
        const { steps, stale, accepted } = judge(
          [present],
          ...told.map(({ state, attempt }) => item(state, { attempt })),
        );
        expect(accepted + stale.length).toBe(told.length);
        for (const step of steps) {
          let at = present.state;
          for (const next of step.path) {
            expect(mayMove(at, next, step.actor), `${at} > ${next} by ${step.actor}`).toBe(true);
            at = next;
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});
