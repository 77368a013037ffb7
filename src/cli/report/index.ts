/**
 * What a campaign looks like afterwards: pictures and a page, as pure functions from values to text. Nothing here reads a file, a
 * clock or the server; who calls decides where the text goes.
 */
export { drawHtmlReport, type Fact, type Report, type ReportSection, type ReportTable } from "./html-report.ts";
export { meanUtilisation } from "./run-summary.ts";
export type { AllocationSpan, NodeSlots, TaskInterval, UtilisationInput } from "./task-interval.ts";
export { drawUtilisation } from "./utilisation.ts";
