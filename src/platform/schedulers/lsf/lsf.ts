import { z } from "zod";
import type { Dialect } from "../batch/dialect.ts";
import { toHoursMinutes } from "../batch/times.ts";
import { commonOptions, expressionWord, refusesOddPath } from "../batch/words.ts";
import { bhosts, bjobs, bkill, bparams, bqueues, bsub } from "./arguments.ts";
import { readBjobs, readBkill, readBsub } from "./read-jobs.ts";
import { toQueueViews } from "./read-queues.ts";
import { LSF_TEMPLATE } from "./template.ts";

export const lsfOptions = z.strictObject({
  ...commonOptions,
  allocFlags: z
    .string()
    .regex(/^[A-Za-z0-9_.=]+( [A-Za-z0-9_.=]+)*$/, "expected words")
    .nullable()
    .default(null)
    .describe("Flags of the allocation, such as `smt4 nvme`"),
  slotsPerNode: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe("Slots of each node (-n and span[ptile]); null = whole nodes by -nnodes, as on Summit"),
  exclusive: z.boolean().default(false).describe("Whole hosts, where slotsPerNode is given"),
  gpu: expressionWord.nullable().default(null).describe("What -gpu takes, such as num=4:mode=shared"),
  rerunnable: z
    .boolean()
    .nullable()
    .default(null)
    .describe("Whether it is queued again when its host is lost; null = as the queue does"),
});
export type LsfOptions = z.output<typeof lsfOptions>;

const DEPENDENCY = { ended: "ended", ok: "done", failed: "exit", started: "started" } as const;

export const lsf: Dialect<LsfOptions> = {
  kind: "lsf",
  commands: ["bsub", "bjobs", "bkill", "bqueues", "bparams", "bhosts"],
  options: lsfOptions,
  template: LSF_TEMPLATE,
  refusesPath: refusesOddPath,
  variables: ({ nodes, wallTimeMin }, { slotsPerNode, dependsOn, dependsWhen }) => ({
    wallTime: toHoursMinutes(wallTimeMin),
    slots: slotsPerNode === null ? "" : String(nodes * slotsPerNode),
    dependency: dependsOn.map((id) => `${DEPENDENCY[dependsWhen]}(${id})`).join(" && "),
  }),
  submit: bsub,
  readSubmit: readBsub,
  look: async ({ run, user }) => readBjobs(await run(bjobs(user)), Date.now()),
  looksById: false,
  keepsLogs: false,
  history: null,
  historyOfNames: null,
  cancel: bkill,
  readCancel: readBkill,
  queues: async ({ run }) =>
    toQueueViews({ queues: await run(bqueues), params: await run(bparams), hosts: await run(bhosts) }),
};
