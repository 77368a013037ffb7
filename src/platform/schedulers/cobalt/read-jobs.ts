import { type Answer, silent, unreadable, wordsOf } from "../batch/command.ts";
import type { JobRecord } from "../batch/dialect.ts";
import { fromClockSec, fromCtimeUtc } from "../batch/times.ts";
import type { AllocationStatus, Submission } from "../scheduler.ts";
import { readTable } from "./read-table.ts";

const AWAY =
  /failed to connect|component.*(not found|lookup)|connection (refused|reset|timed out)|failed to get .* from|communication/i;
const FULL = /limit of \d+ jobs|max(imum)? (queued|running) jobs|too many jobs/i;

export function readQsub(answer: Answer): Submission {
  const id = /^(\d+)\s*$/m.exec(answer.stdout)?.[1];
  if (answer.code === 0 && id !== undefined) return { kind: "submitted", id };
  if (answer.code === 0) throw unreadable("cobalt", answer, "it answered without an id");
  const reason = wordsOf(answer);
  if (FULL.test(reason)) return { kind: "full", reason };
  if (AWAY.test(reason) || (answer.stderr + answer.stdout).trim() === "") throw silent("cobalt", reason, answer);
  return { kind: "refused", reason };
}

/** Jobs of `qstat --header`; Cobalt tells durations, so `now` makes times of them. */
export function readQstat(answer: Answer, now: number): JobRecord[] {
  if (answer.code !== 0) throw silent("cobalt", wordsOf(answer), answer);
  const rows = readTable(answer.stdout);
  if (rows === null) throw unreadable("cobalt", answer);
  return rows.map((row) => {
    const id = row.get("JobID") ?? "";
    const state = row.get("State") ?? "";
    if (!/^\d+$/.test(id) || state === "") throw unreadable("cobalt", answer);
    const ran = fromClockSec(row.get("RunTime") ?? "");
    const left = fromClockSec(row.get("TimeRemaining") ?? "");
    return { id, name: row.get("JobName") ?? "", status: toStatus(state, { now, ran, left }) };
  });
}

const WAITING: Readonly<Record<string, string>> = {
  queued: "it waits for free nodes",
  starting: "its nodes are being set up",
  user_hold: "it is held by its user",
  admin_hold: "it is held by an administrator",
  dep_hold: "it waits for another job",
  dep_fail: "the job it waits for failed: it will never start",
  maxrun_hold: "as many of the user's jobs run as may",
};
const RUNS = new Set(["running", "exiting", "killing", "preempting", "preempted"]);

type Durations = { readonly now: number; readonly ran: number | null; readonly left: number | null };

function toStatus(state: string, { now, ran, left }: Durations): AllocationStatus {
  if (!RUNS.has(state)) return { state: "queued", reason: WAITING[state] ?? `its state is ${state}` };
  return {
    state: "running",
    startedAt: ran === null ? null : now - ran * 1000,
    endsAt: left === null ? null : now + left * 1000,
  };
}

/** How a job ended, from its log; null where the log does not tell of an end. */
export function readCobaltLog(text: string): JobRecord["status"] | null {
  const at = (pattern: RegExp) => {
    const line = text.split("\n").find((candidate) => pattern.test(candidate));
    return line === undefined ? null : fromCtimeUtc(line);
  };
  const isOver = /maximum execution time exceeded/;
  const isDeleted = /user delete (with signal \S+ )?requested/;
  const exit = /task completed normally with an exit code of (-?\d+)/;
  const signalled = /task (?:completed abnormally|was? (?:killed|terminated)|exited).*signal (\S+?)[;\s]/;
  const startedAt = at(/COBALT_STARTTIME|Initiating boot|executing command/i);
  const endedAt = at(/initiating job cleanup and removal/) ?? at(isOver) ?? at(isDeleted);
  const end = (outcome: "finished" | "failed" | "cancelled", reason: string) =>
    ({ state: "ended", outcome, reason, startedAt, endedAt }) as const;
  if (isDeleted.test(text)) return end("cancelled", "it was deleted by its user");
  if (isOver.test(text)) return end("failed", "it was over its wall time");
  const code = exit.exec(text)?.[1];
  if (code !== undefined) return Number(code) === 0 ? end("finished", "") : end("failed", `exit code ${code}`);
  const signal = signalled.exec(text)?.[1];
  if (signal !== undefined) return end("failed", `it was ended by signal ${signal}`);
  return /initiating job cleanup and removal/.test(text) ? end("failed", "it failed; its Cobalt log says why") : null;
}

/** Which job a log is of. */
export function jobOfLog(text: string): string | null {
  return /\bjobid (\d+)\b/i.exec(text)?.[1] ?? /^\S.*\/(\d+): /m.exec(text)?.[1] ?? null;
}

export function readQdel(answer: Answer): string | null {
  if (answer.code === 0) return null;
  const words = wordsOf(answer);
  if (AWAY.test(words)) throw silent("cobalt", words, answer);
  return /not found|no (matching )?jobs?|does not exist|no longer/i.test(words) ? null : words;
}
