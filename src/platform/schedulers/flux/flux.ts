import { z } from "zod";
import type { Dialect } from "../batch/dialect.ts";
import { commonOptions, expressionWord, refusesOddPath } from "../batch/words.ts";
import { fluxBatch, fluxCancel, fluxJobs, fluxResources } from "./arguments.ts";
import { readFluxBatch, readFluxCancel, readFluxJobs } from "./read-jobs.ts";
import { toQueueViews } from "./read-queues.ts";
import { FLUX_TEMPLATE } from "./template.ts";

export const fluxOptions = z.strictObject({
  ...commonOptions,
  requires: expressionWord.nullable().default(null).describe("Properties that nodes must have, such as gpu&^amd"),
});
export type FluxOptions = z.output<typeof fluxOptions>;

const DEPENDENCY = { ended: "afterany", ok: "afterok", failed: "afternotok", started: "after" } as const;

export const flux: Dialect<FluxOptions> = {
  kind: "flux",
  commands: ["flux"],
  options: fluxOptions,
  template: FLUX_TEMPLATE,
  refusesPath: refusesOddPath,
  variables: (_request, { dependsOn, dependsWhen }) => ({
    dependencies: dependsOn.map((id) => `${DEPENDENCY[dependsWhen]}:${id}`),
  }),
  submit: fluxBatch,
  readSubmit: readFluxBatch,
  look: async ({ run }) => readFluxJobs(await run(fluxJobs())),
  looksById: false,
  keepsLogs: false,
  history: null,
  historyOfNames: null,
  cancel: fluxCancel,
  readCancel: readFluxCancel,
  queues: async ({ run }) => toQueueViews(await run(fluxResources)),
};
