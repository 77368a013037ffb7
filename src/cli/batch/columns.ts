import type { BatchJob, BatchState } from "../../client/wire/entities.ts";
import type { Style } from "../terminal/colour.ts";
import { formatPairs } from "../terminal/fields.ts";
import type { Column } from "../terminal/table.ts";
import { formatAgo, formatMinutes, formatTime } from "../terminal/times.ts";

/** How batch jobs are listed. */
export const batchJobColumns: readonly Column<BatchJob>[] = [
  { title: "ID", value: (one) => one.id, align: "right" },
  { title: "SITE", value: (one) => one.site, least: 5, drop: 4 },
  { title: "STATE", value: (one) => one.state, style: (one) => batchStateStyle(one.state) },
  { title: "SCHEDULER", value: (one) => one.schedulerId, least: 6, drop: 5 },
  { title: "QUEUE", value: (one) => one.queue || null, least: 5, drop: 7 },
  { title: "NODES", value: (one) => one.nodes, align: "right" },
  { title: "TIME", value: (one) => formatMinutes(one.wallTimeMin), align: "right" },
  { title: "CREATED", value: (one) => formatAgo(one.created), drop: 3 },
  { title: "WHEN", value: (one) => whenOf(one), drop: 2 },
  { title: "TAGS", value: (one) => formatPairs(one.filterTags) || null, least: 5, drop: 8 },
  { title: "REASON", value: (one) => one.reason || null, least: 8, drop: 6 },
];

/** Its next or last moment: when it is expected to start or to be over, when it ended. */
export function whenOf({ state, started, ended, expected }: BatchJob): string | null {
  if (ended !== null)
    return started === null ? `ended ${shortTime(ended)}` : `${shortTime(started)} - ${shortTime(ended)}`;
  if (state === "running" && started !== null)
    return `since ${shortTime(started)}${expected === null ? "" : `, until ${shortTime(expected)}`}`;
  return expected === null ? null : `starts about ${shortTime(expected)}`;
}

/** A time of today by the clock, others with their day. */
function shortTime(iso: string, now = new Date()): string {
  const time = formatTime(iso);
  const [day = "", clock = ""] = time.split(" ");
  const minute = clock.slice(0, 5);
  return day === formatTime(now.toISOString()).split(" ")[0] ? minute : `${day.slice(5)} ${minute}`;
}

/** How a batch job's state is shown. */
export function batchStateStyle(state: BatchState): Style | null {
  if (state === "running") return "cyan";
  if (state === "finished") return "green";
  if (state === "failed" || state === "submit_failed") return "red";
  return state === "cancelled" || state === "pending_deletion" ? "magenta" : null;
}

/** States of batch jobs that have not ended. */
export const OPEN_BATCH_STATES = ["pending_submission", "queued", "running", "pending_deletion"] as const;
