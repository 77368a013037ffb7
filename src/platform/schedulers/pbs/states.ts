import { fromClockSec, fromCtimeUtc } from "../batch/times.ts";
import type { AllocationStatus } from "../scheduler.ts";
import { type Attributes, isAttributes } from "./read-json.ts";

const WALL_TIME_OVER = -29;
const NODE_LOST = -20;
/** Exit codes from here on are signals that ended the script. */
const SIGNALLED = 256;

/** What a job's attributes say, qstat having told its times in UTC. */
export function toStatus(job: Attributes): AllocationStatus {
  const state = text(job.job_state);
  const startedAt = fromCtimeUtc(text(job.stime));
  switch (state) {
    case "R":
    case "E":
    case "S":
    case "U":
    case "B": {
      const wallTimeSec = isAttributes(job.Resource_List) ? fromClockSec(text(job.Resource_List.walltime)) : null;
      const endsAt = startedAt === null || wallTimeSec === null ? null : startedAt + wallTimeSec * 1000;
      return { state: "running", startedAt, endsAt };
    }
    case "F":
    case "X":
      return { state: "ended", ...ending(job), startedAt, endedAt: fromCtimeUtc(text(job.obittime)) };
    default:
      return { state: "queued", reason: whyWaiting(state, job) };
  }
}

function whyWaiting(state: string, job: Attributes): string {
  const again = Number(job.Exit_status) === NODE_LOST ? "it was put back into the queue after a node was lost; " : "";
  const comment = text(job.comment).trim();
  if (comment !== "") return `${again}${comment}`;
  const depend = text(job.depend);
  if (state === "H") return `${again}${depend === "" ? "it is held" : `it waits for another job (${depend})`}`;
  if (state === "W") return `${again}its begin time has not come`;
  return `${again}it waits in queue ${text(job.queue)}`;
}

type Ending = { readonly outcome: "finished" | "failed" | "cancelled"; readonly reason: string };

function ending(job: Attributes): Ending {
  const comment = text(job.comment).trim();
  const status = job.Exit_status === undefined ? null : Number(job.Exit_status);
  if (status === null) {
    const depend = text(job.depend);
    const why = depend === "" ? "" : ` (${depend})`;
    return { outcome: "cancelled", reason: `it was deleted before it started${why}` };
  }
  const by = /terminated by (\S+)$/.exec(comment)?.[1];
  if (by !== undefined) return { outcome: "cancelled", reason: `it was deleted by ${by}` };
  if (status === 0) return { outcome: "finished", reason: "" };
  return { outcome: "failed", reason: whyFailed(status, comment) };
}

function whyFailed(status: number, comment: string): string {
  if (status === WALL_TIME_OVER) return "it was over its wall time";
  if (status === NODE_LOST) return "a node was lost";
  const resource = /exceeded resource (\S+)$/.exec(comment)?.[1];
  if (resource !== undefined) return `it used more ${resource} than it asked for`;
  if (status < 0) return `PBS ended it with status ${status}${comment === "" ? "" : `: ${comment}`}`;
  return status > SIGNALLED ? `it was ended by signal ${status - SIGNALLED}` : `exit code ${status}`;
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
