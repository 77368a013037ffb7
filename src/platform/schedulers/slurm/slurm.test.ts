import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { recordings } from "../../../../test/schedulers/recorded.ts";
import { isConiferError } from "../../../model/errors.ts";
import type { AllocationRequest } from "../scheduler.ts";
import { sbatch, showAccounts, squeue } from "./arguments.ts";
import { readSacct, readSbatch, readScancel, readSqueue } from "./read-jobs.ts";
import { readAccounts, readQos, readSinfo, toQueueViews } from "./read-partitions.ts";
import { toStatus } from "./states.ts";

const recorded = recordings(import.meta.url, "squeue");
const utc = (time: string) => Date.parse(`2026-11-20T${time}Z`);
const request: AllocationRequest = {
  key: "1",
  name: "",
  command: ["true"],
  environment: {},
  directory: "/d",
  output: "/d/100%j.out",
  nodes: 1,
  wallTimeMin: 1,
  queue: "",
  project: "chem",
  options: {},
};

describe("what Slurm tells of jobs", () => {
  it("[B23] reads every state of squeue, with reasons in words", () => {
    const jobs = new Map(readSqueue(recorded("squeue-mixed")).map((job) => [job.id, job]));
    const status = (id: string) => jobs.get(id)?.status;
    const failed = (reason: string) => ({ state: "ended", outcome: "failed", reason });
    expect(status("133")).toEqual({ state: "running", startedAt: utc("22:23:57"), endsAt: utc("22:33:57") });
    expect(status("134")).toEqual({
      state: "queued",
      reason: "it waits for free nodes (Resources)",
      expectedStartAt: utc("22:33:57"),
    });
    expect(status("136")).toMatchObject({ reason: "it waits for another job (Dependency)", expectedStartAt: null });
    expect(status("137")).toMatchObject({
      reason: "a limit of its account or QOS is reached (AssocGrpCPUMinutesLimit)",
    });
    expect(status("138")).toMatchObject({ reason: "it is held by its user (JobHeldUser)" });
    expect(status("141")).toMatchObject({ reason: "its begin time has not come (BeginTime)" });
    expect(status("139_[1-3%1]")).toMatchObject({ state: "queued" });
    expect(status("2")).toEqual({
      state: "ended",
      outcome: "finished",
      reason: "",
      startedAt: utc("22:20:40"),
      endedAt: utc("22:20:41"),
    });
    expect(status("1")).toMatchObject(failed("exit code 3"));
    expect(status("5")).toMatchObject(failed("it was ended by signal 11"));
    expect(status("7")).toMatchObject(failed("its output file could not be opened"));
    expect(status("140")).toMatchObject(failed("no node can ever give what it asks for (BadConstraints)"));
    expect(status("22")).toMatchObject(failed("a node failed (it had n3)"));
    expect(status("28")).toMatchObject(failed("it was over its wall time"));
    expect(status("13")).toMatchObject({ outcome: "cancelled", startedAt: utc("22:20:43") });
    expect(status("16")).toMatchObject({
      outcome: "cancelled",
      startedAt: null,
      reason: "it was cancelled: the job it waits for ended otherwise: it will never start",
    });
    expect(jobs.get("135")?.name).toBe("odd|na me");
  });

  it("takes a job for failed that runs on without the node of its script", () => {
    const line = "105|RUNNING|None|0|2026-11-20T22:20:40|2026-11-20T22:30:40|0|n1|n2|o.1|\n";
    const read = (stdout: string) => readSqueue({ ...recorded("squeue-mixed"), stdout })[0];
    expect(read(line)).toMatchObject({
      isHeadless: true,
      status: { outcome: "failed", reason: "a node failed (it had n1)" },
    });
    for (const other of [
      line.replace("|n2|", "|n[1-2]|"),
      line.replace("RUNNING", "COMPLETING"),
      line.replace("|n1|", "|n/a|"),
    ])
      expect(read(other)).toMatchObject({ isHeadless: false, status: { state: "running" } });
  });

  it("tells a state that it does not know as it is, and never as an end", () => {
    const job = {
      state: "HIBERNATING",
      reason: "None",
      exitCode: 0,
      signal: 0,
      startAt: null,
      endAt: null,
      restarts: 0,
      nodes: "",
    };
    expect(toStatus(job)).toEqual({ state: "queued", reason: "its state is HIBERNATING" });
    expect(toStatus({ ...job, state: "OUT_OF_MEMORY" })).toMatchObject({ reason: "it ran out of memory" });
    expect(toStatus({ ...job, state: "PREEMPTED" })).toMatchObject({ outcome: "failed", reason: "it was preempted" });
    expect(toStatus({ ...job, state: "CONFIGURING" })).toMatchObject({ reason: "its nodes are being set up" });
    expect(toStatus({ ...job, state: "PENDING", restarts: 2 })).toMatchObject({
      reason: expect.stringMatching(/^it was put back into the queue/),
    });
  });

  it("reads the accounting, of a job with several records the newest", () => {
    const jobs = new Map(readSacct(recorded("sacct-mixed")).map(({ id, status }) => [id, status]));
    expect(jobs.get("1")).toMatchObject({ outcome: "failed", reason: "exit code 3" });
    expect(jobs.get("2")).toMatchObject({ outcome: "finished" });
    const requeued = recorded("sacct-requeued");
    expect(requeued.stdout.trim().split("\n").length).toBeGreaterThan(1);
    expect(readSacct(requeued)).toMatchObject([{ id: "131", status: { outcome: "cancelled" } }]);
    expect(readSacct({ ...requeued, stdout: "" })).toEqual([]);
  });

  it("has no records where there is no accounting, and is silent where accounting is down", () => {
    const none = { ...recorded("sacct-mixed"), code: 1, stdout: "", stderr: "Slurm accounting storage is disabled\n" };
    expect(readSacct(none)).toEqual([]);
    const down = "sacct: error: Problem talking to the database: Connection refused\n";
    expect(() => readSacct({ ...none, stderr: down })).toThrow(/does not answer: Problem talking to the database/);
  });

  it("[P17][P18] takes a controller that is down, and whatever does not read, for silence", () => {
    expect(() => readSqueue(recorded("down-squeue"))).toThrow(/Unable to contact slurm controller/);
    expect(() => readSbatch(recorded("down-sbatch"))).toThrow(/does not answer/);
    expect(() => readScancel(recorded("down-scancel"))).toThrow(/does not answer/);
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (stdout) => {
        try {
          readSqueue({ ...recorded("squeue-mixed"), stdout });
        } catch (error) {
          expect(isConiferError(error) && error.code).toBe("SCHEDULER_SILENT");
        }
      }),
    );
  });
});

describe("what Slurm says to submits and cancels", () => {
  it("[B46] tells a refusal in Slurm's words and a full queue as full", () => {
    const refusal = (name: string) => readSbatch(recorded(`sbatch-err-${name}`));
    expect(readSbatch(recorded("sbatch-parsable"))).toEqual({ kind: "submitted", id: "5" });
    expect(readSbatch({ ...recorded("sbatch-parsable"), stdout: "5;cluster2\n" })).toMatchObject({ id: "5" });
    expect(refusal("partition")).toEqual({
      kind: "refused",
      reason: "invalid partition specified: nosuch; Invalid partition name specified",
    });
    expect(refusal("account")).toMatchObject({ kind: "refused", reason: expect.stringMatching(/^Invalid account/) });
    expect(refusal("option")).toMatchObject({ reason: "unrecognized option '--nosuch'" });
    expect(refusal("maxsubmit")).toMatchObject({ kind: "full" });
    expect(() => readSbatch({ ...recorded("sbatch-parsable"), stdout: "hello\n" })).toThrow(/without an id/);
  });

  it("passes over cancels of unknown and ended jobs, and tells of ones that are not allowed", () => {
    expect(readScancel(recorded("scancel-unknown"))).toBeNull();
    expect(
      readScancel({
        ...recorded("scancel-done-verbose"),
        code: 1,
        stderr: "scancel: error: Kill job error on job id 19: Job/step already completing or completed\n",
      }),
    ).toBeNull();
    expect(readScancel(recorded("scancel-notmine"))).toMatch(/Access\/permission denied/);
  });

  it("takes away variables that would override what is asked, and keeps defaults for what is not", () => {
    const environment = {
      SLURM_JOB_ID: "7",
      SLURM_CONF: "/c",
      SBATCH_TIMELIMIT: "1",
      SBATCH_ACCOUNT: "x",
      SBATCH_PARTITION: "p",
      HOME: "/h",
    };
    const command = sbatch(
      { request, jobName: "o.1", script: "/d/batch.sh", text: "", logDirectory: "/l" },
      environment,
    );
    expect(command.environment).toEqual({ SLURM_JOB_ID: null, SBATCH_TIMELIMIT: null, SBATCH_ACCOUNT: null });
    expect(command.argv).toContain("--output=/d/100%%j.out");
    expect(squeue("root", { SQUEUE_FORMAT: "%i", HOME: "/h" }).environment).toEqual({
      SQUEUE_FORMAT: null,
      LC_ALL: "C",
      TZ: "UTC",
    });
  });
});

describe("what Slurm tells of accounts", () => {
  it("learns each once, and nothing where there is no accounting", () => {
    const answer = { ...recorded("sacctmgr-qos"), code: 0, stdout: "lab\nlab\nart\n" };
    expect(readAccounts(answer)).toEqual(["lab", "art"]);
    expect(readAccounts({ ...answer, stdout: "\n" })).toBeNull();
    expect(readAccounts({ ...answer, code: 1 })).toBeNull();
    expect(showAccounts("me", {}).argv.slice(0, 5)).toEqual([
      ...["sacctmgr", "--noheader", "--parsable2", "show", "associations"],
    ]);
  });
});

describe("what Slurm tells of partitions", () => {
  it("[B48] learns limits of partitions and their QOS, and idle nodes", () => {
    const views = toQueueViews(
      recorded("scontrol-partitions"),
      readSinfo(recorded("sinfo")),
      readQos(recorded("sacctmgr-qos")),
    );
    expect(views.map(({ name, isOpen, isDefault }) => [name, isOpen, isDefault])).toEqual([
      ["batch", true, true],
      ["debug", true, false],
      ["preempt", true, false],
      ["closed", false, false],
    ]);
    expect(views[1]).toMatchObject({
      totalNodes: 4,
      idleNodes: 0,
      limits: { maxNodes: 2, maxWallTimeMin: 5, maxRunning: 1, maxSubmitted: 3, minNodes: null },
    });
    expect(() => readSinfo({ ...recorded("sinfo"), stdout: "batch|many\n" })).toThrow(/does not read/);
  });
});
