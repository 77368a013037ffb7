import { expect, it } from "vitest";
import { findMarked } from "../../processes/marked.ts";
import type { CommandTrace } from "./command.ts";
import { processRunner } from "./run-command.ts";

const traces: CommandTrace[] = [];
const run = processRunner({
  scheduler: "slurm",
  limitSec: 0.5,
  directory: null,
  onCommand: (trace) => traces.push(trace),
});

it("gives output, exit code and input as they are, with the variables that were asked for", async () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's.
  const argv = ["sh", "-c", 'cat; echo "$A-${HOME-none}"; echo bad >&2; exit 7'] as const;
  const answer = await run({ argv, input: "in ", environment: { A: "b c", HOME: null } });
  expect(answer).toMatchObject({ code: 7, stdout: "in b c-none\n", stderr: "bad\n" });
  expect(traces.at(-1)).toMatchObject({ code: 7, stderr: "bad\n", problem: null });
});

it("is silent where a command is missing, and says that it never ran", async () => {
  const missing = run({ argv: ["no-such-sbatch"] });
  await expect(missing).rejects.toThrow("Scheduler slurm does not answer: command no-such-sbatch was not found");
  await expect(missing).rejects.toMatchObject({ code: "SCHEDULER_SILENT", values: { neverRan: true } });
});

it("ends a command that hangs, with all it started, and is silent", async () => {
  const mark = `RUN_COMMAND_TEST=${process.pid}`;
  const hung = run({
    argv: ["sh", "-c", "echo half; sleep 1000 & sleep 1000"],
    environment: { RUN_COMMAND_TEST: String(process.pid) },
  });
  await expect(hung).rejects.toMatchObject({ values: { problem: "sh gave no answer within 0.5 s", stdout: "half\n" } });
  await expect.poll(() => findMarked(mark)).toEqual([]);
});

it("does not wait for what left the group of a command that hangs", async () => {
  const hung = run({ argv: ["sh", "-c", "setsid sleep 5; sleep 1000"] });
  await expect(hung).rejects.toMatchObject({ code: "SCHEDULER_SILENT" });
});

it("is silent where a command was killed", async () => {
  await expect(run({ argv: ["sh", "-c", "kill -9 $$"] })).rejects.toThrow(/sh was ended by SIGKILL/);
});
