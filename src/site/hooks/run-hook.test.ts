import { expect, it } from "vitest";
import type { HookTask } from "../../client/wire/sessions.ts";
import { ConiferError } from "../../model/errors.ts";
import type { CallEnd, CallOptions } from "../../pilot/worker/process.ts";
import { type HookRunner, runHookTask } from "./run-hook.ts";

const job = { id: 1, app: "app", attempt: 0, parents: [{ job: 7, on: "success" }], siteId: 1, workdir: "w" };
const task = { job, hook: "preprocess", failure: null } as unknown as HookTask;
const done = { kind: "returned", value: { state: "PREPROCESSED" } };
const away = () => new ConiferError("SERVER_UNREACHABLE", { address: "x", problem: "refused" });

/** A runner whose server answers as told, and whose worker does what is given, once for each run. */
function runnerOf(runs: ((options: CallOptions) => Promise<object>)[], answers: (() => object)[]) {
  const stop = new AbortController();
  const context = {
    identity: { siteId: 1 },
    layout: { data: "/data" },
    settings: { hooks: { limitSec: 1 } },
    log: { warn: () => undefined },
    client: { call: async () => (answers.length > 1 ? answers.shift() : answers[0])?.() },
  };
  const runner = {
    context,
    catalog: { hookCode: async () => ({ file: "app.ts", name: "app" }) },
    workers: { call: async (_: object, options: CallOptions) => (await runs.shift()?.(options)) as CallEnd<never> },
    signal: stop.signal,
  };
  return { runner: runner as unknown as HookRunner, stop };
}
const parents = { items: [{ ...job, id: 7 }] };

it("a question that a hook asks while the server is away waits for its answer", async () => {
  const asks = async ({ answer }: CallOptions) => {
    expect(await answer?.("parents")).toMatchObject([{ id: 7 }]);
    return done;
  };
  const answers = [away, away, () => parents].map((answer) => () => {
    const said = answer();
    if (said instanceof Error) throw said;
    return said;
  });
  const { runner } = runnerOf([asks], answers);
  expect(await runHookTask(task, runner)).toMatchObject({ outcome: { state: "PREPROCESSED" } });
});

it("a hook whose time runs out during an outage is run again, and one that overruns by itself fails", async () => {
  let failed = () => {};
  const hasFailed = new Promise<void>((resolve) => {
    failed = resolve;
  });
  const overran = { kind: "overran", limitSec: 1 };
  const waits = async ({ answer }: CallOptions) => {
    answer?.("parents").catch(() => undefined);
    await hasFailed;
    await new Promise(setImmediate);
    return overran;
  };
  const outage = () => {
    failed();
    throw away();
  };
  const { runner } = runnerOf([waits, async () => done], [outage]);
  expect(await runHookTask(task, runner)).toMatchObject({ outcome: { state: "PREPROCESSED" } });

  const alone = runnerOf([async () => overran], [() => parents]);
  expect(await runHookTask(task, alone.runner)).toMatchObject({ outcome: { state: "FAILED" } });
});

it("an error that is no outage is thrown in the hook", async () => {
  const asks = async ({ answer }: CallOptions) => {
    await answer?.("parents");
    return done;
  };
  const { runner } = runnerOf(
    [asks],
    [
      () => {
        throw new Error("broken");
      },
    ],
  );
  await expect(runHookTask(task, runner)).rejects.toThrow("broken");
});
