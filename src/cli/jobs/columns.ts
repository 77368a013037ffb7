import type { Job } from "../../client/wire/entities.ts";
import { stateStyle } from "../terminal/colour.ts";
import { formatPairs } from "../terminal/fields.ts";
import type { Column } from "../terminal/table.ts";
import { formatAgo } from "../terminal/times.ts";

/** How jobs are listed. */
export const jobColumns: readonly Column<Job>[] = [
  { title: "ID", value: (job) => job.id, align: "right" },
  { title: "NAME", value: (job) => job.name, least: 16 },
  { title: "APP", value: (job) => job.app, least: 5, drop: 3 },
  { title: "SITE", value: (job) => job.site, least: 5, drop: 4 },
  { title: "STATE", value: (job) => job.state, style: (job) => stateStyle(job.state) },
  { title: "TRY", value: (job) => job.attempt, align: "right", drop: 6 },
  { title: "EXIT", value: (job) => job.exitCode, align: "right", drop: 5 },
  { title: "CHANGED", value: (job) => formatAgo(job.updated), drop: 2 },
  { title: "TAGS", value: (job) => formatPairs(job.tags), least: 6, drop: 7 },
];
