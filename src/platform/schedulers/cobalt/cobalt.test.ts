import { describe, expect, it } from "vitest";
import type { Answer } from "../batch/command.ts";
import { jobOfLog, readCobaltLog, readQdel, readQstat, readQsub } from "./read-jobs.ts";
import { toQueueViews } from "./read-queues.ts";

const now = 10_000_000;
const answer = (change: Partial<Answer>): Answer => ({
  command: { argv: ["qstat"] },
  code: 0,
  stdout: "",
  stderr: "",
  ...change,
});
const TABLE = `JobID  JobName  State      RunTime   TimeRemaining  Queue
===========================================================
5      o.1      running    00:01:40  00:03:20       default
6      o.2      dep_hold   N/A       N/A            default
7      o.3      dep_fail   N/A       N/A            debug
8      o.4      strange    N/A       N/A            debug
`;
const log = (...lines: string[]) =>
  [
    "Thu Nov 05 17:29:00 2020 +0000 (UTC) submitted with cwd set to: /d",
    "jobid 81 submitted from terminal None",
    ...lines,
  ].join("\n");

describe("Cobalt", () => {
  it("reads its table, and makes times of durations", () => {
    const jobs = new Map(readQstat(answer({ stdout: TABLE }), now).map(({ id, status }) => [id, status]));
    expect(jobs.get("5")).toEqual({ state: "running", startedAt: now - 100_000, endsAt: now + 200_000 });
    expect(jobs.get("6")).toEqual({ state: "queued", reason: "it waits for another job" });
    expect(jobs.get("7")).toMatchObject({ reason: "the job it waits for failed: it will never start" });
    expect(jobs.get("8")).toEqual({ state: "queued", reason: "its state is strange" });
    expect(readQstat(answer({ stdout: "\n" }), now)).toEqual([]);
  });

  it("reads from a job's log how it ended", () => {
    const done = (code: number) =>
      readCobaltLog(
        log(
          `Thu Nov 05 17:29:30 2020 +0000 (UTC) Info: task completed normally with an exit code of ${code}; initiating job cleanup and removal`,
        ),
      );
    expect(done(0)).toMatchObject({ outcome: "finished", endedAt: Date.UTC(2020, 10, 5, 17, 29, 30) });
    expect(done(126)).toMatchObject({ outcome: "failed", reason: "exit code 126" });
    const over =
      "Thu Nov 05 17:29:30 2020 +0000 (UTC) Info: maximum execution time exceeded; initiating job terminiation";
    expect(readCobaltLog(log(over))).toMatchObject({ outcome: "failed", reason: "it was over its wall time" });
    const deleted =
      "Thu Nov 05 17:29:30 2020 +0000 (UTC) Info: user delete with signal SIGTERM requested by user land; initiating job cleanup and removal";
    expect(readCobaltLog(log(deleted))).toMatchObject({ outcome: "cancelled" });
    expect(readCobaltLog(log())).toBeNull();
    expect(jobOfLog(log())).toBe("81");
    expect(jobOfLog("")).toBeNull();
  });

  it("[P18] takes a queue manager that is away, and what is no table, for silence", () => {
    const away = answer({ code: 2, stderr: "Failed to connect to queue manager\n" });
    expect(() => readQstat(away, now)).toThrow(/does not answer: Failed to connect/);
    expect(() => readQsub(away)).toThrow(/does not answer/);
    expect(() => readQdel(away)).toThrow(/does not answer/);
    expect(() => readQstat(answer({ stdout: "<html>\n" }), now)).toThrow(/does not read/);
    expect(() => readQstat(answer({ stdout: `${TABLE}9  o.5\n` }), now)).toThrow(/does not read/);
  });

  it("[B46] finds the id among what qsub says, and tells a refusal in Cobalt's words", () => {
    expect(readQsub(answer({ stdout: "Memory mode set to cache quad for queue debug\n1234\n" }))).toEqual({
      kind: "submitted",
      id: "1234",
    });
    expect(readQsub(answer({ code: 1, stderr: "No project specified\n" }))).toEqual({
      kind: "refused",
      reason: "No project specified",
    });
    expect(readQdel(answer({ code: 1, stderr: "jobid 7 not found\n" }))).toBeNull();
  });

  it("learns queues and idle nodes", () => {
    const queues =
      "Name     Users  MinTime  MaxTime   MaxRunning  MaxQueued  State\n====\ndefault  None   None     24:00:00  10          20         running\ndebug    None   None     None      1           1          stopped\n";
    const nodes =
      "Node_id  Name  Queues         Status  MCDRAM  NUMA  Backfill\n===\n1  nid1  default:debug  idle  cache  quad  4:00:00\n2  nid2  default  busy  cache  quad  -\n";
    expect(toQueueViews(answer({ stdout: queues }), answer({ stdout: nodes }))).toMatchObject([
      {
        name: "default",
        isDefault: true,
        isOpen: true,
        totalNodes: 2,
        idleNodes: 1,
        limits: { maxWallTimeMin: 1440, maxQueued: 20 },
      },
      { name: "debug", isOpen: false, totalNodes: 1, limits: { maxWallTimeMin: null, maxRunning: 1 } },
    ]);
    expect(toQueueViews(answer({ stdout: queues }), answer({ code: 1 }))[0]).toMatchObject({ idleNodes: null });
  });
});
