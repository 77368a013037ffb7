import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Answer } from "../batch/command.ts";
import { toDecimalId } from "./job-id.ts";
import { readFluxBatch, readFluxCancel, readFluxJobs } from "./read-jobs.ts";
import { toQueueViews } from "./read-queues.ts";

const answer = (change: Partial<Answer>): Answer => ({
  command: { argv: ["flux", "jobs"] },
  code: 0,
  stdout: "",
  stderr: "",
  ...change,
});
const line = (...fields: string[]) => readFluxJobs(answer({ stdout: `${fields.join("\t")}\n` }))[0];
const job = (state: string, { code = "", exception = "", dependencies = "", pending = "" } = {}) =>
  line("ƒ2ykwdd3", state, code, "1637723184.3", "", "1637726784.3", exception, dependencies, pending, "o.1")?.status;

describe("Flux", () => {
  it("takes job ids however they are printed", () => {
    const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n }), (id) => {
        let text = "";
        for (let left = id; left > 0n || text === ""; left /= 58n) text = (alphabet[Number(left % 58n)] ?? "") + text;
        expect([`ƒ${text}\n`, `f${text}`, String(id)].map(toDecimalId)).toEqual([String(id), String(id), String(id)]);
      }),
    );
    expect(["", "ƒ", "f0OIl", "flux-batch: hello", "12a"].map(toDecimalId)).toEqual([null, null, null, null, null]);
  });

  it("[B53] tells in words how jobs wait, run and end", () => {
    expect(job("RUN")).toEqual({ state: "running", startedAt: 1637723184300, endsAt: 1637726784300 });
    expect(job("CLEANUP")).toMatchObject({ state: "running" });
    expect(job("SCHED")).toEqual({ state: "queued", reason: "it waits for free nodes (SCHED)" });
    expect(job("DEPEND", { dependencies: "after-finish=7" })).toMatchObject({
      reason: "it waits for another job (after-finish=7)",
    });
    expect(job("SCHED", { pending: "insufficient resources" })).toMatchObject({ reason: "insufficient resources" });
    expect(job("COMPLETED", { code: "0" })).toMatchObject({ outcome: "finished" });
    expect(job("FAILED", { code: "3" })).toMatchObject({ outcome: "failed", reason: "exit code 3" });
    expect(job("FAILED", { code: "-9" })).toMatchObject({ reason: "it was ended by signal 9" });
    expect(job("FAILED", { code: "1", exception: "node-failure" })).toMatchObject({
      reason: "exit code 1 (exception node-failure)",
    });
    expect(job("FAILED", { exception: "alloc" })).toMatchObject({ reason: "exception alloc" });
    expect(job("TIMEOUT")).toMatchObject({ outcome: "failed", reason: "it was over its wall time" });
    expect(job("CANCELED")).toMatchObject({ outcome: "cancelled" });
  });

  it("[P18] takes a broker that is away, and what does not read, for silence", () => {
    const away = "flux-jobs: ERROR: [Errno 2] Unable to connect to Flux: ENOENT: No such file or directory";
    for (const read of [readFluxJobs, readFluxBatch, readFluxCancel])
      expect(() => read(answer({ code: 1, stderr: away }))).toThrow(/does not answer: Unable to connect to Flux/);
    expect(() => line("JOBID", "ST")).toThrow(/does not read/);
    expect(() => toQueueViews(answer({ stdout: "batch\tfree\tmany\n" }))).toThrow(/does not read/);
    expect(() => readFluxBatch(answer({}))).toThrow(/without an id/);
  });

  it("[B46] tells a refusal in Flux's words, and passes over cancels of what has ended", () => {
    const stderr = "flux-batch: ERROR: [Errno 22] Invalid queue 'nosuch' specified\n";
    expect(readFluxBatch(answer({ code: 1, stderr }))).toEqual({
      kind: "refused",
      reason: "Invalid queue 'nosuch' specified",
    });
    const over = "flux-cancel: ERROR: ƒabc: job is inactive\nflux-cancel: ERROR: 12: unknown job id\n";
    expect(readFluxCancel(answer({ code: 1, stderr: over }))).toBeNull();
    expect(readFluxCancel(answer({ code: 1, stderr: `${over}flux-cancel: ERROR: 13: Permission denied\n` }))).toMatch(
      /^13: Permission denied/,
    );
  });

  it("counts nodes by queue, and knows a Flux without queues", () => {
    const queues = toQueueViews(
      answer({ stdout: "batch\tfree\t3\nbatch,debug\tallocated\t2\ndebug\tdown\t1\n \tdown\t0\n" }),
    );
    expect(queues).toMatchObject([
      { name: "batch", totalNodes: 5, idleNodes: 3, isDefault: false },
      { name: "debug", totalNodes: 3, idleNodes: 0 },
    ]);
    expect(toQueueViews(answer({ stdout: "\tfree\t4\n" }))).toMatchObject([
      { name: "", isDefault: true, idleNodes: 4 },
    ]);
  });
});
