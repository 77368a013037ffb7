import { type Answer, silent, unreadable, wordsOf } from "../batch/command.ts";
import type { JobRecord } from "../batch/dialect.ts";
import { fromCtimeUtc, fromIsoUtc } from "../batch/times.ts";
import type { AllocationStatus, Submission } from "../scheduler.ts";
import { elements, isWhole, textOf } from "./read-xml.ts";

const AWAY =
  /unable to (contact|send message to) qmaster|cannot reach qmaster|can.t connect|commlib error|communication error|got (send|select|read) (error|timeout)|failed receiving|no response|qmaster (is )?(not|down)|error: unable to/i;
const FULL = /only \d+ jobs are allowed/i;

export function readQsub(answer: Answer): Submission {
  if (answer.code === 0) {
    const id = /^(\d+)(?:\.\S+)?\s*$/m.exec(answer.stdout)?.[1];
    if (id === undefined) throw unreadable("sge", answer, "it answered without an id");
    return { kind: "submitted", id };
  }
  const reason = wordsOf(answer).replace(/^Unable to run job: (error: )?/, "");
  if (FULL.test(answer.stderr)) return { kind: "full", reason };
  if (AWAY.test(answer.stderr) || answer.stderr.trim() === "") throw silent("sge", reason, answer);
  return { kind: "refused", reason };
}

export function readQstat(answer: Answer): JobRecord[] {
  if (answer.code !== 0) throw silent("sge", wordsOf(answer), answer);
  if (!isWhole(answer.stdout, "job_info")) throw unreadable("sge", answer);
  const jobs = elements(answer.stdout, "job_list").map((job) => {
    const id = textOf(job, "JB_job_number");
    const state = textOf(job, "state");
    if (id === null || state === null) throw unreadable("sge", answer);
    const name = textOf(job, "full_job_name") ?? textOf(job, "JB_name") ?? "";
    return { id, name, status: toStatus(state, job) };
  });
  // Each running task of an array is told by itself; the first stands for all.
  return [...new Map(jobs.reverse().map((job) => [job.id, job])).values()].reverse();
}

/** Ids of jobs that are in error: they wait until somebody clears it. */
export function inError(records: readonly JobRecord[]): readonly string[] {
  return records.flatMap(({ id, status }) => (status.state === "queued" && status.reason === IN_ERROR ? [id] : []));
}

/** What `qstat -j` says of an error; null where it says nothing. */
export function readErrorReason(answer: Answer): string | null {
  const match = /^error reason\s+\d*:\s*(.+)$/m.exec(answer.stdout);
  return match?.[1]?.trim() ?? null;
}

const IN_ERROR = "it is in error and starts only once that is cleared (qmod -cj)";

export function explainError(record: JobRecord, reason: string | null): JobRecord {
  return reason === null ? record : { ...record, status: { state: "queued", reason: `${IN_ERROR}: ${reason}` } };
}

function toStatus(state: string, job: string): AllocationStatus {
  if (state.includes("E")) return { state: "queued", reason: IN_ERROR };
  if (/[rtsST]/.test(state.replace(/^R/, "")) && !/[qwh]/.test(state)) {
    const startedAt = fromIsoUtc(textOf(job, "JAT_start_time") ?? "");
    const wallTimeSec = Number(/<hard_request name="h_rt"[^>]*>(\d+)</.exec(job)?.[1] ?? Number.NaN);
    const endsAt = startedAt !== null && wallTimeSec > 0 ? startedAt + wallTimeSec * 1000 : null;
    return { state: "running", startedAt, endsAt };
  }
  const again = state.startsWith("R") ? "it was put back into the queue; " : "";
  const before = textOf(job, "predecessor_jobs");
  if (state.includes("h"))
    return { state: "queued", reason: again + (before === null ? "it is held" : `it waits for job ${before}`) };
  return { state: "queued", reason: `${again}it waits for free slots (${state})` };
}

/** The newest record of each job of an accounting answer; none where accounting does not know it. */
export function readQacct(answer: Answer): JobRecord[] {
  if (answer.code !== 0) {
    if (/not found|no such file|accounting file|does not exist/i.test(answer.stderr)) return [];
    throw silent("sge", wordsOf(answer), answer);
  }
  const blocks = answer.stdout.split(/^=+\s*$/m).filter((block) => block.trim() !== "");
  const records = blocks.map((block) => {
    const fields = new Map(
      block.split("\n").flatMap((line) => {
        const match = /^(\S+)\s+(.*?)\s*$/.exec(line);
        return match === null ? [] : [[match[1] ?? "", match[2] ?? ""] as const];
      }),
    );
    const id = fields.get("jobnumber");
    if (id === undefined) throw unreadable("sge", answer);
    return { id, name: fields.get("jobname") ?? "", status: toEnd(fields) };
  });
  return [...new Map(records.map((record) => [record.id, record])).values()];
}

const LIMIT = 37;
const AFTER_JOB = 100;

function toEnd(fields: ReadonlyMap<string, string>): AllocationStatus {
  const [failed = "0", ...words] = (fields.get("failed") ?? "0").split(/\s*:\s*/);
  const exit = Number.parseInt(fields.get("exit_status") ?? "0", 10);
  const times = {
    startedAt: fromCtimeUtc(fields.get("start_time") ?? ""),
    endedAt: fromCtimeUtc(fields.get("end_time") ?? ""),
  };
  const end = (outcome: "finished" | "failed", reason: string) =>
    ({ state: "ended", outcome, reason, ...times }) as const;
  const signal = exit > 128 ? `it was ended by signal ${exit - 128}` : `exit code ${exit}`;
  switch (Number(failed)) {
    case 0:
      return exit === 0 ? end("finished", "") : end("failed", exit > 128 ? signal : `exit code ${exit}`);
    case LIMIT:
      return end("failed", `it was over its wall time or another limit (${words.join(": ")})`);
    case AFTER_JOB:
      return end("failed", signal);
    default:
      return end("failed", `${words.join(": ")} (${failed})`);
  }
}

export function readQdel(answer: Answer): string | null {
  if (AWAY.test(answer.stderr)) throw silent("sge", wordsOf(answer), answer);
  const problems = `${answer.stdout}\n${answer.stderr}`
    .split("\n")
    .filter((line) => /denied|error/i.test(line) && !/does not exist|already in deletion/i.test(line));
  return problems.length === 0 ? null : wordsOf({ ...answer, stdout: problems.join("\n"), stderr: "" });
}
