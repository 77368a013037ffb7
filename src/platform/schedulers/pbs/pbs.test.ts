import { describe, expect, it } from "vitest";
import { recordings } from "../../../../test/schedulers/recorded.ts";
import type { Answer } from "../batch/command.ts";
import { hasNoHistory, readQdel, readQselect, readQstat, readQsub } from "./read-jobs.ts";
import { toQueueViews } from "./read-queues.ts";

const recorded = recordings(import.meta.url, "qstat");
const utc = (time: string) => Date.parse(`2026-11-20T${time}Z`);
const only = (name: string) => readQstat(recorded(`job-${name}-json`))[0]?.status;
const ended = (outcome: string, reason: string) => expect.objectContaining({ state: "ended", outcome, reason });

describe("what PBS tells of jobs", () => {
  it("[B24] reads states, ends, and times that come without a zone", () => {
    expect(only("ok")).toEqual({
      state: "ended",
      outcome: "finished",
      reason: "",
      startedAt: utc("16:27:25"),
      endedAt: utc("16:27:25"),
    });
    expect(only("run")).toEqual({ state: "running", startedAt: utc("16:27:25"), endsAt: utc("16:47:25") });
    expect(only("suspended")).toMatchObject({ state: "running" });
    expect(only("ba")).toMatchObject({ state: "running" });
    expect(only("rerun")).toMatchObject({ state: "running", startedAt: utc("16:28:33") });
  });

  it("tells in words how jobs failed or were given up", () => {
    expect(only("f3")).toEqual(ended("failed", "exit code 3"));
    expect(only("sg")).toEqual(ended("failed", "exit code 139"));
    expect(only("timeout")).toEqual(ended("failed", "it was over its wall time"));
    expect(only("nodefail")).toEqual(ended("failed", "a node was lost"));
    expect(only("depno")).toMatchObject({
      outcome: "cancelled",
      reason: expect.stringMatching(/before it started \(afterok/),
    });
    const subjobs = new Map(readQstat(recorded("job-arr-finished-t-json")).map(({ id, status }) => [id, status]));
    expect(subjobs.get("44[0].pbs1")).toEqual(ended("cancelled", "it was deleted by labuser@pbs1"));
  });

  it("tells in words why jobs wait", () => {
    const why = (name: string) => only(name)?.state === "queued" && (only(name) as { reason: string }).reason;
    expect(why("hog")).toBe("Not Running: Insufficient amount of resource: ncpus");
    expect(why("big")).toMatch(/^Can Never Run/);
    expect(why("held")).toBe("it is held");
    expect(why("dep")).toMatch(/^it waits for another job \(afterok:/);
    expect(why("wait")).toBe("its begin time has not come");
    expect(why("stp")).toBe("Not Running: Queue not started.");
    expect(why("nodefail-requeued")).toMatch(/^it was put back into the queue after a node was lost; Not Running/);
  });

  it("reads many jobs at once, odd names and environments included, and none", () => {
    const jobs = readQstat(recorded("qstat-mixed-x-json"));
    expect(jobs.length).toBeGreaterThan(20);
    expect(jobs.map(({ name }) => name)).toContain("we-rd_n.1+x");
    expect(readQstat(recorded("qstat-empty-json"))).toEqual([]);
  });

  it("leaves out ids that the server does not know", () => {
    expect(readQstat(recorded("qstat-err-unknown-json"))).toEqual([]);
    expect(readQstat(recorded("qstat-err-mixed-json")).map(({ id }) => id)).toEqual(["64.pbs1"]);
  });

  it("[P18] takes a server that is down for silence, never for an end", () => {
    expect(() => readQstat(recorded("down-qstat-json"))).toThrow(/does not answer.*Connection refused/);
    expect(() => readQsub(recorded("down-qsub"))).toThrow(/does not answer/);
    expect(() => readQdel(recorded("down-qdel"))).toThrow(/does not answer/);
  });

  it("reads on where an environment made the JSON invalid, and stops where it is cut off", () => {
    const whole = recorded("job-run-json");
    const broken = { ...whole, stdout: whole.stdout.replace('"FOO":\t"a b"', '"FOO":\t01"x\\"') };
    expect(() => JSON.parse(broken.stdout)).toThrow();
    expect(readQstat(broken)).toEqual(readQstat(whole));
    const part: Answer = { ...whole, stdout: whole.stdout.slice(0, 700) };
    expect(() => readQstat(part)).toThrow(/does not read/);
    expect(() => readQstat({ ...whole, stdout: "<html>" })).toThrow(/does not read/);
  });
});

describe("what PBS says to submits and deletes", () => {
  it("[B46] tells a refusal in PBS's words", () => {
    const refusal = (name: string) => readQsub(recorded(`qsub-err-${name}`));
    const refused = (reason: string) => ({ kind: "refused", reason });
    expect(readQsub(recorded("qsub-ok"))).toEqual({ kind: "submitted", id: "41.pbs1" });
    expect(refusal("queue")).toEqual(refused("Unknown queue"));
    expect(refusal("queue-disabled")).toEqual(refused("Queue is not enabled"));
    expect(refusal("queue-acl")).toEqual(refused("Unauthorized Request"));
    expect(refusal("walltime")).toEqual(refused("Job violates queue and/or server resource limits"));
    expect(refusal("resource")).toEqual(refused("Unknown resource: bananas"));
    expect(refusal("option")).toEqual(refused("invalid option -- 'Y'"));
    expect(refusal("maxqueued")).toEqual({ kind: "full", reason: "would exceed queue generic's per-user limit" });
    expect(() => readQsub({ ...recorded("qsub-ok"), stdout: "" })).toThrow(/without an id/);
  });

  it("passes over deletes of ended and unknown jobs, and tells of ones that are not allowed", () => {
    expect(readQdel(recorded("qdel-finished"))).toBeNull();
    expect(readQdel(recorded("qdel-unknown"))).toBeNull();
    expect(readQdel(recorded("qdel-several"))).toBeNull();
    expect(readQdel(recorded("qdel-notmine"))).toBe("Unauthorized Request  78.pbs1");
  });

  it("reads ids, and knows a server without a history by its words", () => {
    expect(readQselect(recorded("qselect-running"))).toEqual(["64.pbs1"]);
    expect(hasNoHistory(recorded("qstat-err-mixed-json"))).toBe(false);
    expect(hasNoHistory({ ...recorded("down-qsub"), code: 1, stderr: "qstat: Job history is not enabled" })).toBe(true);
  });
});

describe("what PBS tells of queues and nodes", () => {
  it("[B48] learns limits per queue and nodes that are idle", () => {
    const views = toQueueViews({
      queues: recorded("qstat-Qf-json"),
      server: recorded("qstat-Bf-json"),
      nodes: recorded("pbsnodes-busy-av-json"),
    });
    expect(views.find(({ name }) => name === "debug")).toEqual({
      name: "debug",
      isDefault: false,
      isOpen: true,
      limits: { maxNodes: 2, maxWallTimeMin: 5, maxQueued: 3, maxRunning: 1, minNodes: null, maxSubmitted: 3 },
      totalNodes: 4,
      idleNodes: 2,
    });
    expect(views.find(({ isDefault }) => isDefault)?.name).toBe("workq");
    expect(views.filter(({ isOpen }) => !isOpen).map(({ name }) => name)).toEqual(["stopped", "disabled"]);
  });
});
