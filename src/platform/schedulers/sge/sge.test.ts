import { describe, expect, it } from "vitest";
import { recordings } from "../../../../test/schedulers/recorded.ts";
import { explainError, inError, readErrorReason, readQacct, readQdel, readQstat, readQsub } from "./read-jobs.ts";
import { readQueueNames, toQueueViews } from "./read-queues.ts";

const recorded = recordings(import.meta.url, "qstat");
const utc = (time: string) => Date.parse(`2026-11-20T${time}Z`);

describe("what Grid Engine tells of jobs", () => {
  it("reads jobs that run, wait, are held, wait for others, and are in error", () => {
    const jobs = new Map(readQstat(recorded("qstat-r-xml")).map(({ id, status }) => [id, status]));
    expect(jobs.get("9")).toEqual({ state: "running", startedAt: utc("16:49:23"), endsAt: utc("16:49:28") });
    expect(jobs.get("5")).toMatchObject({ state: "running" });
    expect(jobs.get("7")).toEqual({ state: "queued", reason: "it is held" });
    expect(jobs.get("8")).toEqual({ state: "queued", reason: "it waits for job 5" });
    expect(jobs.get("14")).toMatchObject({ state: "queued", reason: expect.stringMatching(/^it is in error/) });
  });

  it("says why a job is in error, where Grid Engine tells", () => {
    const records = readQstat(recorded("qstat-r-xml"));
    expect(inError(records)).toEqual(["14"]);
    const told = {
      ...recorded("qstat-j-unknown"),
      stdout: "job_number: 14\nerror reason    1:  can't open output file\n",
    };
    const job = records.find(({ id }) => id === "14");
    if (job === undefined) throw new Error("no job 14");
    expect(explainError(job, readErrorReason(told)).status).toMatchObject({
      reason: expect.stringMatching(/: can't open output file$/),
    });
    expect(explainError(job, readErrorReason(recorded("qstat-j-unknown")))).toEqual(job);
  });

  it("reads names and reasons with characters that XML writes otherwise", () => {
    const odd = { ...recorded("qstat-r-xml") };
    const stdout = odd.stdout.replaceAll("<full_job_name>ok.sh<", "<full_job_name>a&lt;b&gt;&amp;&apos;&#65;<");
    expect(readQstat({ ...odd, stdout }).map(({ name }) => name)).toContain("a<b>&'A");
  });

  it("[P18] takes XML that is cut off, and a master that is away, for silence", () => {
    const whole = recorded("qstat-r-xml");
    expect(() => readQstat({ ...whole, stdout: whole.stdout.slice(0, 900) })).toThrow(/does not read/);
    const away =
      "error: commlib error: got select error (Connection refused)\nerror: unable to send message to qmaster";
    for (const read of [readQstat, readQsub, readQacct, readQdel])
      expect(() => read({ ...whole, code: 1, stdout: "", stderr: away })).toThrow(/does not answer/);
  });

  it("reads from the accounting how jobs ended", () => {
    expect(readQacct(recorded("qacct-exit3"))).toEqual([
      {
        id: "3",
        name: "exit3.sh",
        status: {
          state: "ended",
          outcome: "failed",
          reason: "exit code 3",
          startedAt: utc("16:49:19"),
          endedAt: utc("16:49:19"),
        },
      },
    ]);
    expect(readQacct(recorded("qacct-rt"))[0]?.status).toMatchObject({
      reason: "it was over its wall time or another limit (qmaster enforced h_rt, h_cpu, or h_vmem limit)",
    });
    expect(readQacct(recorded("qacct-unknown"))).toEqual([]);
  });
});

describe("what Grid Engine says to submits and deletes", () => {
  it("[B46] tells a refusal in Grid Engine's words", () => {
    const refusal = (name: string) => readQsub(recorded(`qsub-err-${name}`));
    expect(readQsub(recorded("qsub-terse"))).toEqual({ kind: "submitted", id: "3" });
    expect(refusal("queue")).toMatchObject({ reason: 'Job was rejected because job requests unknown queue "nosuch"' });
    expect(refusal("resource")).toMatchObject({ kind: "refused", reason: 'unknown resource "bananas"' });
    expect(refusal("pe")).toMatchObject({
      reason: expect.stringMatching(/parallel environment "nosuch" does not exist/),
    });
    expect(refusal("slots")).toMatchObject({ reason: "no suitable queues" });
    const full = "Unable to run job: job rejected: Only 3 jobs are allowed per user (current job count: 3)\nExiting.\n";
    expect(readQsub({ ...recorded("qsub-err-pe"), stderr: full })).toMatchObject({ kind: "full" });
  });

  it("passes over deletes of what is not there", () => {
    expect(readQdel(recorded("qdel-unknown"))).toBeNull();
    expect(readQdel(recorded("qdel-running"))).toBeNull();
    const denied = 'denied: "labuser" must be operator, manager or owner of job "7"';
    expect(readQdel({ ...recorded("qdel-unknown"), stdout: denied })).toBe(denied);
  });
});

describe("what Grid Engine tells of queues", () => {
  it("learns queues, their limits and idle hosts", () => {
    expect(readQueueNames(recorded("qconf-sql"))).toEqual(["main.q"]);
    expect(toQueueViews(recorded("qconf-sq"), recorded("qstat-f-xml"))).toMatchObject([
      { name: "main.q", isOpen: true, totalNodes: 1, idleNodes: 0, limits: { maxWallTimeMin: null, maxNodes: 1 } },
    ]);
    const short = { ...recorded("qconf-sq") };
    const stdout = short.stdout.replace(/^h_rt .*$/m, "h_rt                  00:05:00,[g1=01:00:00]");
    expect(toQueueViews({ ...short, stdout }, recorded("qstat-f-xml"))[0]?.limits.maxWallTimeMin).toBe(5);
  });
});
