import type { ReportItem } from "../../client/wire/sessions.ts";
import { isRunnable, type JobState } from "../../model/states.ts";
import type { EventData, LifeRow, Step } from "../life/index.ts";

/** An item that changes nothing, and why. */
export type Stale = { readonly item: ReportItem; readonly why: string };
export type Judged = {
  readonly steps: readonly Step[];
  readonly stale: readonly Stale[];
  /** Items that were applied, or had been already. */
  readonly accepted: number;
};

/**
 * What a pilot's report means for the jobs it names. An item counts only if the session holds the job and the attempt is
 * the one begun, or the next for a job not yet begun (fencing); all else is stale. A job's start and end in one report
 * become one step. Times of the pilot's clock that lie ahead of the server's are brought back.
 */
export function judgeReport(
  items: readonly ReportItem[],
  { rows, sessionId, now }: { rows: readonly LifeRow[]; sessionId: number; now: number },
): Judged {
  const byJob = new Map<number, ReportItem[]>();
  for (const item of items) {
    const known = byJob.get(item.job);
    if (known) known.push(item);
    else byJob.set(item.job, [item]);
  }
  const byId = new Map(rows.map((row) => [row.id, row]));
  const steps: Step[] = [];
  const stale: Stale[] = [];
  for (const [job, reported] of byJob) {
    const row = byId.get(job);
    const current: ReportItem[] = [];
    for (const item of reported) {
      const why = whyStale(item, row, sessionId);
      if (why === null) current.push(item);
      else stale.push({ item, why });
    }
    const step = row === undefined ? null : stepOf(row, current, now);
    if (step !== null) steps.push(step);
  }
  return { steps, stale, accepted: items.length - stale.length };
}

function whyStale(item: ReportItem, row: LifeRow | undefined, sessionId: number): string | null {
  if (!row) return "there is no such job";
  if (row.sessionId !== sessionId)
    return row.sessionId === null ? `no session holds it: it is ${row.state}` : `session ${row.sessionId} holds it`;
  const attempt = isRunnable(row.state) ? row.attempt + 1 : row.attempt;
  if (item.attempt !== attempt) return `attempt ${attempt} is the present one`;
  if (item.state === "USER_KILLED" && isRunnable(row.state) && !row.killRequested) return "nobody asked to kill it";
  return null;
}

/** One step for what is told of a job; null where it is known already. */
function stepOf(row: LifeRow, items: readonly ReportItem[], now: number): Step | null {
  const start = items.find(({ state }) => state === "RUNNING");
  const end = items.find(({ state }) => state !== "RUNNING");
  const last = end ?? start;
  if (!last || (row.state === "RUNNING" && !end)) return null;
  const isNew = row.state !== "RUNNING";
  const hasRun = !isNew || start !== undefined || end?.state === "RUN_DONE" || end?.state === "RUN_TIMEOUT";
  const begins = isNew && hasRun;
  return {
    id: row.id,
    path: [...(begins ? (["RUNNING"] as const) : []), ...(end ? [end.state] : [])],
    // The table leaves a job that never ran to the server to call dead.
    actor: end?.state === "USER_KILLED" && !hasRun ? "server" : "pilot",
    at: Math.min(last.at, now),
    attempt: begins || (isNew && end?.state === "RUN_ERROR") ? last.attempt : undefined,
    startedAt: begins ? Math.min((start ?? last).at, now) : undefined,
    failure: failureOf(end),
    exitCode: end?.exitCode,
    reason: end && reasonOf(end),
    data: dataOf(start, end),
  };
}

function failureOf(end: ReportItem | undefined): ReportItem["failure"] {
  if (end?.state === "RUN_ERROR") return end.failure ?? "error";
  if (end?.state === "RUN_TIMEOUT") return end.failure ?? "timeout";
  return undefined;
}

function reasonOf(end: ReportItem): string | undefined {
  if (end.reason !== undefined && end.reason !== "") return end.reason;
  if (end.signal) return `ended by ${end.signal}`;
  const isFailed: boolean = end.state === ("RUN_ERROR" satisfies JobState);
  return isFailed && end.exitCode !== undefined && end.exitCode !== null ? `exit code ${end.exitCode}` : undefined;
}

/** What the event keeps of a report: only what says something. */
function dataOf(start: ReportItem | undefined, end: ReportItem | undefined): EventData | undefined {
  const { node, cores, gpus } = { ...start, ...end };
  const entries = Object.entries({
    node: node ?? start?.node,
    cores: cores ?? start?.cores,
    gpus: gpus ?? start?.gpus,
    exitCode: end?.exitCode,
    signal: end?.signal,
    failure: failureOf(end),
    stderrTail: end?.stderrTail,
  }).filter(
    ([, value]) =>
      value !== undefined && value !== null && value !== "" && !(Array.isArray(value) && value.length === 0),
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
