import { expandHostList } from "../../nodes/expand.ts";
import { type Answer, silent, unreadable, wordsOf } from "../batch/command.ts";
import type { JobRecord } from "../batch/dialect.ts";
import { fromIsoUtc } from "../batch/times.ts";
import type { Submission } from "../scheduler.ts";
import { toStatus } from "./states.ts";

/** What Slurm's commands say when they could not reach a daemon, or it is starting. */
const AWAY =
  /unable to contact slurm|socket timed out|connection refused|connection timed out|zero bytes were transmitted|backup controller|munge|authentication (credential|error|plugin)|slurmdbd|persistent connection|problem talking to the database|temporarily unable|resource temporarily|still being initialised|controller .*(down|not responding)/i;
const FULL = /MaxSubmitJob|MaxSubmitPU|temporarily unable to accept job|maximum number of jobs|job count limit/i;
const NO_ACCOUNTING = /accounting storage is disabled|slurm accounting storage/i;

export function readSbatch(answer: Answer): Submission {
  const id = /^(\d+)(?:;\S+)?\s*$/m.exec(answer.stdout)?.[1];
  if (answer.code === 0) {
    if (id === undefined) throw unreadable("slurm", answer, "it answered without an id");
    return { kind: "submitted", id };
  }
  const reason = wordsOf(answer).replace(/Batch job submission failed: /g, "");
  if (FULL.test(answer.stderr)) return { kind: "full", reason };
  if (AWAY.test(answer.stderr)) throw silent("slurm", reason, answer);
  return { kind: "refused", reason };
}

/** Headless: it runs, but without the node that its script ran on; Slurm keeps such a job where --no-kill was asked for. */
export type QueuedJob = JobRecord & { readonly isHeadless: boolean };

export function readSqueue(answer: Answer): QueuedJob[] {
  if (answer.code !== 0) throw silent("slurm", wordsOf(answer), answer);
  return rows(answer, 10).map((fields) => {
    const [id = "", state = "", reason = "", raw = "", start = "", end = "", restarts = "", host = "", nodes = ""] =
      fields;
    const status = Number(raw);
    if (!/^\d/.test(id) || state === "" || !Number.isInteger(status)) throw unreadable("slurm", answer);
    const isHeadless = state === "RUNNING" && !hasHost(nodes, host);
    const job = {
      state: isHeadless ? "NODE_FAIL" : state,
      reason,
      exitCode: status >> 8,
      signal: status & 0x7f,
      startAt: fromIsoUtc(start),
      endAt: isHeadless ? null : fromIsoUtc(end),
      restarts: Number(restarts) || 0,
      nodes: isHeadless ? host : nodes,
    };
    return { id, name: fields.slice(9).join("|").replace(/\|$/, ""), status: toStatus(job), isHeadless };
  });
}

/** Whether a host is among the nodes of a job; one that is not told counts as there. */
function hasHost(nodes: string, host: string): boolean {
  if (nodes === "" || host === "" || host === "n/a") return true;
  try {
    return expandHostList(nodes).includes(host);
  } catch {
    return true;
  }
}

/** The newest record of each job: one that was put back into the queue has several, the last is the newest. */
export function readSacct(answer: Answer): JobRecord[] {
  if (answer.code !== 0) {
    if (NO_ACCOUNTING.test(answer.stderr) && /disabled/i.test(answer.stderr)) return [];
    throw silent("slurm", wordsOf(answer), answer);
  }
  const records = rows(answer, 7).map(([id = "", state = "", exit = "", start = "", end = "", nodes = "", ...name]) => {
    const [exitCode, signal] = exit.split(":").map(Number);
    if (!/^\d/.test(id) || !/^[A-Z]/.test(state) || exitCode === undefined || signal === undefined)
      throw unreadable("slurm", answer);
    const job = {
      state,
      reason: "None",
      exitCode,
      signal,
      startAt: fromIsoUtc(start),
      endAt: fromIsoUtc(end),
      restarts: 0,
      nodes: nodes === "None assigned" ? "" : nodes,
    };
    return { id, name: name.join("|"), status: toStatus(job) };
  });
  return [...new Map(records.map((record) => [record.id, record])).values()];
}

/** Unknown and ended jobs are nothing to complain of: scancel is silent about most of them anyway. */
export function readScancel(answer: Answer): string | null {
  if (answer.code === 0) return null;
  if (AWAY.test(answer.stderr)) throw silent("slurm", wordsOf(answer), answer);
  const problems = answer.stderr
    .split("\n")
    .filter((line) => line.trim() !== "" && !/already completing or completed|invalid job id/i.test(line));
  return problems.length === 0 ? null : wordsOf({ ...answer, stderr: problems.join("\n") });
}

function rows(answer: Answer, columns: number): string[][] {
  return answer.stdout
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const fields = line.split("|");
      if (fields.length < columns) throw unreadable("slurm", answer);
      return fields.map((field) => field.trim());
    });
}
