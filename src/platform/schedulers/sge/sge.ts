import { z } from "zod";
import { ConiferError } from "../../../model/errors.ts";
import type { Dialect, JobRecord } from "../batch/dialect.ts";
import { toClock } from "../batch/times.ts";
import { commonOptions, expressionWord, nameWord, refusesOddPath } from "../batch/words.ts";
import { listQueues, qacct, qdel, qstat, qstatJob, qsub, queueInstances, showQueues } from "./arguments.ts";
import { explainError, inError, readErrorReason, readQacct, readQdel, readQstat, readQsub } from "./read-jobs.ts";
import { readQueueNames, toQueueViews } from "./read-queues.ts";
import { SGE_TEMPLATE } from "./template.ts";

export const sgeOptions = z.strictObject({
  ...commonOptions,
  dependsWhen: z.enum(["ended"]).default("ended").describe("Grid Engine only knows ended, however"),
  parallelEnvironment: nameWord
    .nullable()
    .default(null)
    .describe("Parallel environment of allocations of several nodes or slots: one that gives each node slotsPerNode"),
  slotsPerNode: z.int().min(1).default(1).describe("Slots of each node"),
  exclusive: z.boolean().default(false).describe("Whole nodes; the cluster must have the resource `exclusive`"),
  resources: expressionWord.nullable().default(null).describe("Further resources, such as gpu=2,mem_free=4G"),
  rerunnable: z
    .boolean()
    .nullable()
    .default(null)
    .describe("Whether it is queued again when a node is lost; null = as the queue does"),
});
export type SgeOptions = z.output<typeof sgeOptions>;

/** Accounting tells of one job a command; the rest is asked about next time. */
const ACCOUNTED_AT_ONCE = 20;

export const sge: Dialect<SgeOptions> = {
  kind: "sge",
  commands: ["qsub", "qstat", "qdel", "qacct", "qconf"],
  options: sgeOptions,
  template: SGE_TEMPLATE,
  refusesPath: refusesOddPath,
  variables: ({ nodes, wallTimeMin }, { parallelEnvironment, slotsPerNode, dependsOn }) => {
    if (nodes * slotsPerNode > 1 && parallelEnvironment === null)
      throw new ConiferError("BAD_INPUT", {
        where: "sge option parallelEnvironment",
        problem: "it must be named for more than one node or slot (qconf -spl lists them)",
      });
    return {
      wallTime: toClock(wallTimeMin),
      slots: parallelEnvironment === null ? "" : String(nodes * slotsPerNode),
      dependency: dependsOn.join(","),
    };
  },
  submit: qsub,
  readSubmit: readQsub,
  look: async ({ run, user }) => {
    const records = readQstat(await run(qstat(user)));
    const reasons = new Map<string, string | null>();
    for (const id of inError(records)) reasons.set(id, readErrorReason(await run(qstatJob(id))));
    return records.map((record) => explainError(record, reasons.get(record.id) ?? null));
  },
  looksById: false,
  keepsLogs: false,
  history: async ({ run, ids }) => {
    const found: JobRecord[] = [];
    for (const id of ids.slice(0, ACCOUNTED_AT_ONCE)) found.push(...readQacct(await run(qacct(id))));
    return found;
  },
  historyOfNames: async ({ run, names }) => {
    const found: JobRecord[] = [];
    for (const name of names.slice(0, ACCOUNTED_AT_ONCE)) found.push(...readQacct(await run(qacct(name))));
    return found;
  },
  cancel: qdel,
  readCancel: readQdel,
  queues: async ({ run }) => {
    const names = readQueueNames(await run(listQueues));
    return names.length === 0 ? [] : toQueueViews(await run(showQueues(names)), await run(queueInstances));
  },
};
