import { describe, expect, it } from "vitest";
import type { Answer } from "../batch/command.ts";
import { fromLsfTime } from "./lsf-time.ts";
import { readBjobs, readBkill, readBsub } from "./read-jobs.ts";
import { toQueueViews } from "./read-queues.ts";

const now = Date.UTC(2026, 0, 2);
const answer = (change: Partial<Answer>): Answer => ({
  command: { argv: ["bjobs"] },
  code: 0,
  stdout: "",
  stderr: "",
  ...change,
});
const job = (fields: Record<string, string>) =>
  readBjobs(
    answer({
      stdout: JSON.stringify({ COMMAND: "bjobs", JOBS: 1, RECORDS: [{ JOBID: "7", JOB_NAME: "o.1", ...fields }] }),
    }),
    now,
  )[0]?.status;

describe("LSF", () => {
  it("reads times with and without a year, and ends that are to come", () => {
    expect(fromLsfTime("Jan  1 03:04", now)).toBe(Date.UTC(2026, 0, 1, 3, 4));
    expect(fromLsfTime("Dec 31 23:59", now)).toBe(Date.UTC(2025, 11, 31, 23, 59));
    expect(fromLsfTime("Jan  3 00:00 L", now)).toBe(Date.UTC(2026, 0, 3));
    expect(fromLsfTime("May 28 12:45:10 2025 E", now)).toBe(Date.UTC(2025, 4, 28, 12, 45, 10));
    expect(fromLsfTime("-", now)).toBeNull();
  });

  it("tells in words how jobs wait and end", () => {
    const start = { START_TIME: "Jan  1 03:04", FINISH_TIME: "Jan  1 05:04" };
    expect(job({ STAT: "PEND", PEND_REASON: "New job is waiting for scheduling;" })).toEqual({
      state: "queued",
      reason: "New job is waiting for scheduling;",
    });
    expect(job({ STAT: "PSUSP" })).toMatchObject({ state: "queued", reason: "it is suspended while it waits" });
    expect(job({ STAT: "RUN", ...start })).toMatchObject({ state: "running", endsAt: Date.UTC(2026, 0, 1, 5, 4) });
    expect(job({ STAT: "UNKWN", ...start })).toMatchObject({ state: "running" });
    expect(job({ STAT: "DONE", ...start })).toMatchObject({ outcome: "finished" });
    const exit = (reason: string, code = "3") => job({ STAT: "EXIT", EXIT_CODE: code, EXIT_REASON: reason, ...start });
    expect(exit("")).toMatchObject({ outcome: "failed", reason: "exit code 3" });
    expect(exit("TERM_UNKNOWN: unknown")).toMatchObject({ reason: "exit code 3" });
    expect(exit("TERM_RUNLIMIT: job killed after reaching LSF run time limit", "140")).toMatchObject({
      reason: "it was over its wall time",
    });
    expect(exit("TERM_MEMLIMIT: job killed after reaching LSF memory usage limit")).toMatchObject({
      reason: "it used more memory than it asked for",
    });
    expect(exit("TERM_OWNER: job killed by owner", "130")).toMatchObject({
      outcome: "cancelled",
      reason: "it was cancelled by its owner",
    });
    expect(exit("TERM_ADMIN: job killed by root or LSF administrator")).toMatchObject({ outcome: "cancelled" });
    expect(job({ STAT: "EXIT", EXIT_CODE: "" })).toMatchObject({
      outcome: "cancelled",
      reason: "it was cancelled before it started",
    });
  });

  it("has no jobs where LSF says so, and leaves out what it does not know", () => {
    expect(readBjobs(answer({ code: 255, stderr: "No job found\n" }), now)).toEqual([]);
    const unknown = '{"COMMAND":"bjobs","JOBS":1,"RECORDS":[{"JOBID":"9","ERROR":"Job <9> is not found"}]}';
    expect(readBjobs(answer({ stdout: unknown, code: 255 }), now)).toEqual([]);
  });

  it("[P18] takes a system that is down, and what does not read, for silence", () => {
    for (const stderr of [
      "LSF is down. Please wait ...",
      "Cannot connect to LSF. Please wait ...",
      "batch daemon not responding ... still trying",
    ]) {
      expect(() => readBjobs(answer({ code: 255, stderr }), now)).toThrow(/does not answer/);
      expect(() => readBsub(answer({ code: 255, stderr }))).toThrow(/does not answer/);
      expect(() => readBkill(answer({ code: 255, stderr }))).toThrow(/does not answer/);
    }
    expect(() => readBjobs(answer({ stdout: '{"COMMAND":"bjobs","RECO' }), now)).toThrow(/does not read/);
  });

  it("[B46] tells a refusal in LSF's words", () => {
    expect(readBsub(answer({ stdout: "Job <9148559> is submitted to default queue <batch>.\n" }))).toEqual({
      kind: "submitted",
      id: "9148559",
    });
    const refused = (stderr: string) => readBsub(answer({ code: 255, stderr }));
    expect(refused("nosuch: No such queue. Job not submitted.\n")).toEqual({
      kind: "refused",
      reason: "nosuch: No such queue.",
    });
    expect(refused("Request aborted by esub. Job not submitted.\n")).toMatchObject({
      reason: "Request aborted by esub.",
    });
    expect(() => readBsub(answer({}))).toThrow(/without an id/);
  });

  it("passes over kills of ended and unknown jobs", () => {
    const stderr = "Job <7>: Job has already finished\nJob <8>: No matching job found\n";
    expect(readBkill(answer({ code: 255, stderr }))).toBeNull();
    expect(readBkill(answer({ code: 255, stderr: `${stderr}Job <9>: User permission denied\n` }))).toBe(
      "Job <9>: User permission denied",
    );
  });

  it("learns wall time limits of queues and which is the default", () => {
    const queues =
      "QUEUE: batch\n  -- x\nPRIO NICE STATUS MAX\n 30 0 Open:Active -\n\nDEFAULT LIMITS:\n RUNLIMIT\n 10.0 min\n\nMAXIMUM LIMITS:\n RUNLIMIT\n 120.0 min of h1\n\nUSERS: all\n" +
      "-----\nQUEUE: closed\nPRIO NICE STATUS MAX\n 30 0 Closed:Inact -\n";
    const views = toQueueViews({
      queues: answer({ stdout: queues }),
      params: answer({ stdout: "Default Queues:  batch normal\n" }),
      hosts: answer({ code: 1 }),
    });
    expect(views).toMatchObject([
      { name: "batch", isDefault: true, isOpen: true, limits: { maxWallTimeMin: 120 }, idleNodes: null },
      { name: "closed", isDefault: false, isOpen: false, limits: { maxWallTimeMin: null } },
    ]);
  });
});
