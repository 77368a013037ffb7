/** Finds jobs by the filters of model/filter.ts: pages, counts, and the ids that a change by query acts on. */
export { Parameters } from "./conditions.ts";
export { readCursor, writeCursor } from "./cursor.ts";
export { type JobQuery, parseJobQuery } from "./plan.ts";
export { readListRequest, readSelection } from "./read.ts";
export { countBy, countJobs, findPage } from "./run.ts";
export { windows } from "./walk.ts";
