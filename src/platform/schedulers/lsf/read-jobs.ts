import { z } from "zod";
import { type Answer, silent, unreadable, wordsOf } from "../batch/command.ts";
import type { JobRecord } from "../batch/dialect.ts";
import type { AllocationStatus, Submission } from "../scheduler.ts";
import { fromLsfTime } from "./lsf-time.ts";

const AWAY =
  /(lsf|batch (daemon|system|library)|mbatchd|lim|master).*(down|not respond|not available|timeout|timed out|internal error)|cannot connect to lsf|communication time|connection refused|please wait|failed in (an )?lsf/i;
const FULL = /pending job threshold|job limit|too many jobs|maximum number of (pending )?jobs/i;

export function readBsub(answer: Answer): Submission {
  const id = /^Job <(\d+)> is submitted/m.exec(answer.stdout)?.[1];
  if (id !== undefined) return { kind: "submitted", id };
  if (answer.code === 0) throw unreadable("lsf", answer, "it answered without an id");
  const reason = wordsOf(answer).replace(/\s*Job not submitted\.?$/, "");
  if (FULL.test(answer.stderr)) return { kind: "full", reason };
  if (AWAY.test(answer.stderr) || answer.stderr.trim() === "") throw silent("lsf", reason, answer);
  return { kind: "refused", reason };
}

const recordSchema = z.object({
  JOBID: z.string(),
  STAT: z.string(),
  JOB_NAME: z.string().default(""),
  EXIT_CODE: z.string().default(""),
  EXIT_REASON: z.string().default(""),
  PEND_REASON: z.string().default(""),
  START_TIME: z.string().default(""),
  FINISH_TIME: z.string().default(""),
});
type BjobsRecord = z.output<typeof recordSchema>;
/** LSF says of a job that it does not know only that. */
const answerSchema = z.object({ RECORDS: z.array(z.union([recordSchema, z.object({ ERROR: z.string() })])) });

/** Jobs of `bjobs -json`, its times told in UTC; `now` is for times that come without a year. */
export function readBjobs(answer: Answer, now: number): JobRecord[] {
  if (/^no (unfinished )?job found/im.test(answer.stderr + answer.stdout) && !answer.stdout.trim().startsWith("{"))
    return [];
  if (AWAY.test(answer.stderr) || (answer.code !== 0 && answer.stdout.trim() === ""))
    throw silent("lsf", wordsOf(answer), answer);
  const parsed = answerSchema.safeParse(parse(answer.stdout));
  if (!parsed.success) throw unreadable("lsf", answer);
  return parsed.data.RECORDS.flatMap((record) =>
    "ERROR" in record ? [] : { id: record.JOBID, name: record.JOB_NAME, status: toStatus(record, now) },
  );
}

const WAITS = new Set(["PEND", "PSUSP", "WAIT", "PROV", "FWD_PEND"]);

function toStatus(job: BjobsRecord, now: number): AllocationStatus {
  const startedAt = fromLsfTime(job.START_TIME, now);
  const endAt = fromLsfTime(job.FINISH_TIME, now);
  if (WAITS.has(job.STAT)) {
    const held = job.STAT === "PSUSP" ? "it is suspended while it waits" : "it waits for free hosts";
    return { state: "queued", reason: job.PEND_REASON.trim() === "" ? held : job.PEND_REASON.trim() };
  }
  if (job.STAT === "DONE") return { state: "ended", outcome: "finished", reason: "", startedAt, endedAt: endAt };
  if (job.STAT === "EXIT") return { state: "ended", ...ending(job), startedAt, endedAt: endAt };
  // RUN, USUSP, SSUSP; UNKWN and ZOMBI: its host does not answer just now, and it may go on.
  return { state: "running", startedAt, endsAt: endAt };
}

const TERMINATIONS: Readonly<Record<string, string>> = {
  TERM_RUNLIMIT: "it was over its wall time",
  TERM_MEMLIMIT: "it used more memory than it asked for",
  TERM_PREEMPT: "it was preempted",
  TERM_DEADLINE: "its deadline came first",
  TERM_ZOMBIE: "its host was lost",
};
const CANCELLED = /^TERM_(OWNER|FORCE_OWNER|ADMIN|FORCE_ADMIN|REMOVE_HUNG_JOB)\b/;

function ending({ EXIT_CODE, EXIT_REASON, START_TIME }: BjobsRecord) {
  const reason = EXIT_REASON.trim();
  const cancelled = CANCELLED.exec(reason);
  if (cancelled !== null)
    return {
      outcome: "cancelled",
      reason: `it was cancelled by its ${/ADMIN/.test(reason) ? "administrator" : "owner"}`,
    } as const;
  if (START_TIME.trim() === "" && EXIT_CODE.trim() === "")
    return { outcome: "cancelled", reason: "it was cancelled before it started" } as const;
  const told = TERMINATIONS[/^TERM_\w+/.exec(reason)?.[0] ?? ""];
  const code = EXIT_CODE.trim() === "" ? "" : `exit code ${EXIT_CODE.trim()}`;
  const words =
    told ?? [code, /unknown|^TERM_EXTERNAL/i.test(reason) ? "" : reason].filter((text) => text !== "").join(": ");
  return { outcome: "failed", reason: words === "" ? "it failed" : words } as const;
}

/** Each job is answered for by a line of its own. */
export function readBkill(answer: Answer): string | null {
  if (AWAY.test(answer.stderr)) throw silent("lsf", wordsOf(answer), answer);
  const problems = answer.stderr
    .split("\n")
    .filter(
      (line) => line.trim() !== "" && !/no matching job|already finished|already exited|being terminated/i.test(line),
    );
  return problems.length === 0 ? null : wordsOf({ ...answer, stderr: problems.join("\n") });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
