import { appendFileSync, mkdtempSync, readFileSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeClock, settle } from "../../../../test/setup/fake-clock.ts";
import type { Report, ReportItem } from "../../../client/wire/sessions.ts";
import { ConiferError } from "../../../model/errors.ts";
import { DEFAULT_RESOURCES } from "../../../model/resources.ts";
import type { TaskEnd } from "../../link/messages.ts";
import type { HubTask } from "../task.ts";
import { deliverJournal } from "./deliver.ts";
import { endItems, runningItem } from "./items.ts";
import { openJournal, readJournal } from "./journal.ts";
import { applyEntry, type Entry, emptyOutbox, readOutbox, toEntries } from "./outbox.ts";
import { Reporter } from "./reporter.ts";

const directory = () => mkdtempSync(join(tmpdir(), "conifer-report-"));
const failOnProblem = (problem: string) => {
  throw new Error(problem);
};
const open = (place: string, compactBytes?: number) =>
  openJournal({ directory: place, onProblem: failOnProblem, ...(compactBytes === undefined ? {} : { compactBytes }) });
const running = (job: number, attempt = 1): ReportItem => ({ job, attempt, state: "RUNNING", at: 1 });
const done = (job: number, attempt = 1): ReportItem => ({ job, attempt, state: "RUN_DONE", at: 2, exitCode: 0 });

/** A server that answers when it is told to. */
function play() {
  const clock = new FakeClock();
  const place = directory();
  const journal = open(place);
  journal.add({ session: 5 });
  const sent: Report[] = [];
  const waiting: { resolve: (answer: string) => void; reject: (error: Error) => void }[] = [];
  const gone: Error[] = [];
  const logged: string[] = [];
  const reporter = new Reporter<string>({
    journal,
    clock,
    random: () => 1,
    send: (report) => {
      sent.push(report);
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    onAnswer: () => {},
    onGone: (error) => gone.push(error),
    log: (message) => logged.push(message),
  });
  const answer = async () => {
    waiting.shift()?.resolve("ok");
    await settle();
  };
  const fail = async (error: Error) => {
    waiting.shift()?.reject(error);
    await settle();
  };
  return { clock, place, journal, sent, reporter, answer, fail, gone, logged, jobs: () => sent.map(jobsOf) };
}
const jobsOf = (report: Report) => (report.items ?? []).map(({ job }) => job);
const unreachable = () => new ConiferError("SERVER_UNREACHABLE", { address: "x", problem: "refused" });

test("an end is told at once, and a start that has not ended soon after", async () => {
  const { clock, sent, reporter, answer } = play();
  reporter.add([running(1), done(1)]);
  expect(sent).toMatchObject([
    {
      batch: 1,
      items: [
        { job: 1, state: "RUNNING" },
        { job: 1, state: "RUN_DONE" },
      ],
    },
  ]);
  await answer();
  reporter.add([running(2)]);
  expect(sent).toHaveLength(1);
  await clock.advance(25);
  expect(sent).toHaveLength(2);
});

test("[B3] a steady trickle is told as it comes, never held back for more than a fraction of a second", async () => {
  const { clock, sent, reporter, answer } = play();
  for (let job = 0; job < 100; job += 1) {
    reporter.add([done(job)]);
    await clock.advance(50);
    await answer();
    await clock.advance(450);
    expect(sent.flatMap(jobsOf)).toContain(job);
  }
});

test("what comes while an answer is awaited goes in one batch, after a rest that grows with the answer's time", async () => {
  const { clock, reporter, answer, jobs } = play();
  reporter.add([done(1)]);
  reporter.add([done(2)]);
  reporter.add([done(3)]);
  await clock.advance(30);
  expect(jobs()).toEqual([[1]]);
  await answer();
  await clock.advance(59);
  expect(jobs()).toEqual([[1]]);
  await clock.advance(1);
  expect(jobs()).toEqual([[1], [2, 3]]);
});

test("a batch has at most 1,000 items", async () => {
  const { reporter, sent, answer, clock } = play();
  reporter.add(Array.from({ length: 2500 }, (_, job) => done(job)));
  for (let round = 0; round < 3; round += 1) {
    await clock.advance(1000);
    await answer();
  }
  expect(sent.map(({ items }) => items?.length)).toEqual([1000, 1000, 500]);
});

test("a batch without an answer is sent again with its number and items until it has one", async () => {
  const { clock, sent, reporter, answer, fail } = play();
  reporter.add([done(1)]);
  await fail(unreachable());
  reporter.add([done(2)]);
  for (let round = 0; round < 6; round += 1) {
    await clock.advance(5000);
    await fail(unreachable());
  }
  await clock.advance(5000);
  await answer();
  await clock.advance(5000);
  expect(sent.slice(0, -1).every(({ batch, items }) => batch === 1 && items?.length === 1)).toBe(true);
  expect(sent.at(-1)).toMatchObject({ batch: 2, items: [{ job: 2 }] });
  expect(sent).toHaveLength(9);
});

test("an item that the server refuses is found and left out, the others arrive", async () => {
  const { clock, sent, reporter, answer, fail, logged } = play();
  const refuse = new ConiferError("BAD_INPUT", { where: "items", problem: "no" });
  const arrived: number[] = [];
  reporter.add([1, 2, 3, 4].map((job) => done(job)));
  for (let round = 0; round < 12; round += 1) {
    const before = sent.length;
    const jobs = jobsOf(sent.at(-1) ?? { batch: 1, items: [] });
    if (jobs.includes(3)) await fail(refuse);
    else {
      arrived.push(...jobs);
      await answer();
    }
    await clock.advance(1000);
    if (sent.length === before) break;
  }
  expect(arrived).toEqual([1, 2, 4]);
  expect(logged).toEqual(["the server refuses an item of a report; it is dropped"]);
  const numbers = sent.map(({ batch }) => batch);
  expect(new Set(numbers)).toEqual(new Set([1, 2]));
});

test("texts that the server refuses are left out before the item is", async () => {
  const { clock, sent, reporter, fail } = play();
  reporter.add([{ ...done(1), state: "RUN_ERROR", failure: "error", exitCode: 3, reason: "bad" }]);
  await fail(new ConiferError("BAD_INPUT", {}));
  await clock.advance(1000);
  expect(sent.at(-1)?.items).toEqual([
    { job: 1, attempt: 1, state: "RUN_ERROR", at: 2, failure: "error", exitCode: 3 },
  ]);
});

test("once the session is gone nothing more is sent", async () => {
  const { clock, sent, reporter, fail, gone } = play();
  reporter.add([done(1)]);
  await fail(new ConiferError("SESSION_GONE", { session: 5, reason: "its lease ran out" }));
  reporter.add([done(2)]);
  await clock.advance(60_000);
  expect(gone).toHaveLength(1);
  expect(sent).toHaveLength(1);
});

test("at the end everything is sent without rests", async () => {
  const { clock, sent, reporter, answer } = play();
  reporter.add([done(1)]);
  await clock.advance(50);
  await answer();
  reporter.add([done(2), running(3)]);
  expect(sent).toHaveLength(1);
  const drained = reporter.drain();
  await clock.advance(100);
  await answer();
  await drained;
  expect(sent).toHaveLength(2);
});

test("items are in the journal before they are sent, and gone from it once acknowledged", async () => {
  const { place, reporter, sent, answer } = play();
  reporter.add([running(1), done(1)]);
  expect(readJournal(place)).toMatchObject({ session: 5, lastBatch: 1, inBatch: 2, items: sent[0]?.items });
  await answer();
  expect(readJournal(place)).toMatchObject({ lastBatch: 1, inBatch: 0, items: [] });
});

test("a journal that grew is written anew without what is done with", () => {
  const place = directory();
  const journal = open(place, 4000);
  journal.add({ session: 1 });
  journal.add({ start: [[999, 1, 10]] });
  for (let job = 1; job <= 200; job += 1) {
    journal.add({ start: [[job, 1, 10]] });
    journal.add({ items: [running(job), done(job)] });
    journal.add({ report: job, count: 2 });
    journal.add({ acked: job });
    journal.flush();
  }
  expect(statSync(join(place, "journal.ndjson")).size).toBeLessThan(5000);
  expect(statSync(join(place, "journal.ndjson")).mode & 0o777).toBe(0o600);
  expect(readJournal(place)).toEqual(journal.outbox);
  expect([...journal.outbox.open.keys()]).toEqual([999]);
});

test("a last line that was cut off is left out", () => {
  const place = directory();
  const journal = open(place);
  journal.add({ session: 1 });
  journal.add({ start: [[7, 2, 10]] });
  journal.close();
  appendFileSync(join(place, "journal.ndjson"), '{"items":[{"job":7,"attem');
  expect(readJournal(place)).toMatchObject({ session: 1, items: [] });
  truncateSync(join(place, "journal.ndjson"), 0);
  expect(readJournal(place)?.session).toBeNull();
});

test("whatever happened, the state can be rebuilt from what a compacted journal holds", () => {
  const item = fc.record({ job: fc.integer({ min: 1, max: 5 }), attempt: fc.integer({ min: 1, max: 2 }) });
  const entry: fc.Arbitrary<Entry> = fc.oneof(
    item.map(({ job, attempt }): Entry => ({ start: [[job, attempt, 3]] })),
    item.map(({ job, attempt }): Entry => ({ items: [running(job, attempt)] })),
    item.map(({ job, attempt }): Entry => ({ items: [done(job, attempt)] })),
    fc.integer({ min: 1, max: 5 }).map((job): Entry => ({ dropped: [job] })),
    fc.constant<Entry>({ acked: 0 }),
    fc.constant<Entry>({ session: 9 }),
  );
  fc.assert(
    fc.property(fc.array(entry), fc.nat({ max: 3 }), (entries, count) => {
      const outbox = emptyOutbox();
      for (const one of [{ session: 1 }, ...entries]) applyEntry(outbox, one);
      if (outbox.items.length > 0)
        applyEntry(outbox, { report: outbox.lastBatch + 1, count: Math.min(count + 1, outbox.items.length) });
      expect(
        readOutbox(
          toEntries(outbox)
            .map((one) => JSON.stringify(one))
            .join("\n"),
        ),
      ).toEqual(outbox);
    }),
  );
});

test("after a kill -9 what was not acknowledged is told, and what was under way is told lost", async () => {
  const place = directory();
  const journal = open(place);
  journal.add({ session: 8 });
  journal.add({
    start: [
      [1, 1, 10],
      [2, 1, 11],
      [3, 2, 12],
    ],
  });
  journal.add({ items: [running(1), running(2)] });
  journal.add({ report: 1, count: 2 });
  journal.add({ acked: 1 });
  journal.add({ items: [done(1)] });
  journal.add({ report: 2, count: 1 });
  journal.flush();
  const told: Report[] = [];
  const client = {
    call: async (_name: string, options: { params: { id: number }; body: Report }) => {
      expect(options.params.id).toBe(8);
      told.push(options.body);
      return {};
    },
  };
  expect(await deliverJournal(place, client as never, () => 99)).toEqual({ delivered: 4, lost: 2 });
  expect(told).toEqual([
    { batch: 2, items: [done(1)] },
    {
      batch: 3,
      items: [
        { job: 2, attempt: 1, state: "RUN_TIMEOUT", at: 99, failure: "lost", reason: "its pilot died" },
        { job: 3, attempt: 2, state: "RUNNING", at: 12 },
        { job: 3, attempt: 2, state: "RUN_TIMEOUT", at: 99, failure: "lost", reason: "its pilot died" },
      ],
    },
  ]);
  expect(await deliverJournal(place, client as never)).toEqual({ delivered: 0, lost: 0 });
  expect(told).toHaveLength(2);
});

test("a delivery that got no answer is made again under the same numbers", async () => {
  const place = directory();
  const journal = open(place);
  journal.add({ session: 8 });
  journal.add({ start: [[2, 1, 11]] });
  journal.close();
  const told: Report[] = [];
  const client = (fails: boolean) => ({
    call: async (_name: string, { body }: { body: Report }) => {
      told.push(body);
      if (fails) throw unreachable();
    },
  });
  await expect(deliverJournal(place, client(true) as never, () => 5)).rejects.toThrow("No answer");
  await deliverJournal(place, client(false) as never, () => 6);
  expect(told[1]).toEqual(told[0]);
});

test("there is nothing to deliver where there is no journal or its session is over", async () => {
  const place = directory();
  const client = { call: () => Promise.reject(new ConiferError("SESSION_GONE", {})) } as never;
  expect(await deliverJournal(place, client)).toEqual({ delivered: 0, lost: 0 });
  const journal = open(place);
  journal.add({ session: 8 });
  journal.add({ start: [[2, 1, 11]] });
  journal.close();
  expect(await deliverJournal(place, client)).toEqual({ delivered: 0, lost: 0 });
});

const task: HubTask = {
  id: 4,
  attempt: 2,
  priority: 0,
  resources: DEFAULT_RESOURCES,
  isWide: false,
  makeSpec: () => {
    throw new Error("not made here");
  },
};
const end: TaskEnd = {
  task: "4.2",
  startedAt: 10,
  at: 20,
  exitCode: 0,
  signal: null,
  reason: "exit",
  message: null,
  stderrTail: "",
  missingOutputs: [],
};
const itemsOf = (part: Partial<TaskEnd>, asked: "killed" | "allocation-end" | "released" | "limit" | null = null) =>
  endItems(task, { kind: "ended", end: { ...end, ...part }, asked }, 30);

test("exit 0 with all outputs is the only way to RUN_DONE", () => {
  expect(itemsOf({})).toEqual({ items: [{ job: 4, attempt: 2, state: "RUN_DONE", at: 20, exitCode: 0 }] });
  expect(itemsOf({ missingOutputs: ["a.dat"] })).toMatchObject({
    items: [{ state: "RUN_ERROR", failure: "output", reason: expect.stringContaining("a.dat") }],
  });
  expect(itemsOf({ exitCode: 3, stderrTail: "boom\0" })).toMatchObject({
    items: [{ state: "RUN_ERROR", failure: "error", exitCode: 3, reason: "exit code 3", stderrTail: "boom\u{fffd}" }],
  });
  expect(itemsOf({ exitCode: null, signal: "SIGSEGV" })).toMatchObject({ items: [{ reason: "ended by SIGSEGV" }] });
});

test("each way of being ended has its state and failure", () => {
  const told = (part: Partial<TaskEnd>, asked: Parameters<typeof itemsOf>[1] = null) => {
    const report = itemsOf({ exitCode: null, signal: "SIGTERM", ...part }, asked);
    return "items" in report ? report.items.map(({ state, failure }) => `${state} ${failure}`) : "given back";
  };
  expect(told({ reason: "killed" }, "killed")).toEqual(["USER_KILLED undefined"]);
  expect(told({ reason: "killed" })).toEqual(["RUN_TIMEOUT lost"]);
  expect(told({ reason: "limit" })).toEqual(["RUN_ERROR limit"]);
  expect(told({ reason: "allocation-end" }, "allocation-end")).toEqual(["RUN_TIMEOUT timeout"]);
  expect(told({ reason: "lost" })).toEqual(["RUN_TIMEOUT lost"]);
  expect(told({ reason: "killed" }, "released")).toEqual([]);
  expect(told({ reason: "allocation-end", startedAt: null }, "allocation-end")).toBe("given back");
  expect(told({ reason: "allocation-end", startedAt: null })).toBe("given back");
  expect(told({ reason: "not-started", startedAt: null }, "allocation-end")).toBe("given back");
  expect(told({ reason: "not-started", startedAt: null, message: "no room" })).toEqual(["RUN_ERROR error"]);
});

test("a task lost before anybody heard of it counts as begun", () => {
  const items = (startedAt: number | null) => endItems(task, { kind: "lost", startedAt, why: "node died" }, 30);
  expect(items(null)).toMatchObject({ items: [{ state: "RUNNING" }, { state: "RUN_TIMEOUT", failure: "lost" }] });
  expect(items(10)).toMatchObject({ items: [{ state: "RUN_TIMEOUT", failure: "lost", reason: "node died" }] });
});

test("a start says where it runs", () => {
  const place = { hostname: "nid01", cores: [2, 3], gpus: [{ kind: "cuda" as const, id: "1" }] };
  expect(runningItem(task, 10, [place])).toEqual({
    job: 4,
    attempt: 2,
    state: "RUNNING",
    at: 10,
    node: "nid01",
    cores: [2, 3],
    gpus: ["1"],
  });
});

test("no token or environment ever gets into the journal", () => {
  const place = directory();
  const journal = open(place);
  journal.add({ start: [[1, 1, 1]] });
  journal.flush();
  expect(readFileSync(join(place, "journal.ndjson"), "utf8")).toBe('{"start":[[1,1,1]]}\n');
});
