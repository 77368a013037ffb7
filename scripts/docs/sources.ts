/** What the generated pages are made of; bundled by generate.mjs, since Node 20 does not read TypeScript. */
export { outlineOf } from "../../src/cli/completion/outline.ts";
export { makeProgram } from "../../src/cli/tree/program.ts";
export { ERRORS } from "../../src/model/errors.ts";
export { jobFields } from "../../src/model/filter.ts";
export { JOB_STATES } from "../../src/model/states.ts";
export { BATCH_JOB_FIELDS } from "../../src/server/batch-jobs/fields.ts";
export { EVENT_FIELDS } from "../../src/server/events/index.ts";
export { settingsReference } from "../../src/site/settings/reference.ts";
