import { type Answer, silent, unreadable, wordsOf } from "../batch/command.ts";
import type { JobRecord } from "../batch/dialect.ts";
import type { Submission } from "../scheduler.ts";
import { readSection } from "./read-json.ts";
import { toStatus } from "./states.ts";

/** What PBS's commands say when the server is not there. Exit codes are PBS's error numbers modulo 256. */
const AWAY =
  /cannot connect to server|could(n't| not) connect|connection (refused|timed out|reset)|unknown host|no route to host|end of file|communication failure|server (is )?(shutting down|too busy)|pbs_iff|timed? ?out/i;
const FULL = /would exceed .*limit|maximum number of jobs already in queue/i;
const ID = /^\d+(\[\d*\])?(\.\S+)?$/;
/** Unknown id, and ended: qstat and qdel have done all the others. */
const ALL_KNOWN_DONE = new Set([0, 153, 35]);

export function readQsub(answer: Answer): Submission {
  if (answer.code === 0) {
    const id = answer.stdout.trim().split("\n").at(-1)?.trim() ?? "";
    if (!ID.test(id)) throw unreadable("pbs", answer, "it answered without an id");
    return { kind: "submitted", id };
  }
  const reason = wordsOf(answer);
  if (FULL.test(answer.stderr)) return { kind: "full", reason };
  if (AWAY.test(answer.stderr) || answer.stderr.trim() === "") throw silent("pbs", reason, answer);
  return { kind: "refused", reason };
}

export function readQselect(answer: Answer): string[] {
  if (answer.code !== 0) throw silent("pbs", wordsOf(answer), answer);
  const ids = answer.stdout.split("\n").filter((line) => line.trim() !== "");
  if (!ids.every((id) => ID.test(id))) throw unreadable("pbs", answer);
  return ids;
}

/** Jobs of `qstat -f -F json`, those it does not know left out. */
export function readQstat(answer: Answer): JobRecord[] {
  if (!ALL_KNOWN_DONE.has(answer.code) || AWAY.test(answer.stderr)) throw silent("pbs", wordsOf(answer), answer);
  return [...readSection(answer, "Jobs")].map(([id, job]) => ({
    id,
    name: typeof job.Job_Name === "string" || typeof job.Job_Name === "number" ? String(job.Job_Name) : "",
    status: toStatus(job),
  }));
}

/** Whether qstat refuses -x because the server keeps no history. */
export function hasNoHistory({ code, stderr }: Answer): boolean {
  return code !== 0 && /history.*(not|disabled)|not.*history/i.test(stderr) && !/has finished/.test(stderr);
}

export function readQdel(answer: Answer): string | null {
  if (answer.code === 0) return null;
  if (AWAY.test(answer.stderr)) throw silent("pbs", wordsOf(answer), answer);
  const problems = answer.stderr
    .split("\n")
    .filter((line) => line.trim() !== "" && !/unknown job id|job has finished|invalid state for job/i.test(line));
  return problems.length === 0 ? null : wordsOf({ ...answer, stderr: problems.join("\n") });
}
