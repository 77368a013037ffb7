import { z } from "zod";
import { type Answer, silent, wordsOf } from "../batch/command.ts";
import type { Dialect } from "../batch/dialect.ts";
import { toClock } from "../batch/times.ts";
import { commonOptions, expressionWord, nameWord, refusesOddPath } from "../batch/words.ts";
import {
  sacctByIds,
  sacctByNames,
  sbatch,
  scancel,
  showAccounts,
  showPartitions,
  showQos,
  sinfo,
  squeue,
} from "./arguments.ts";
import { readSacct, readSbatch, readScancel, readSqueue } from "./read-jobs.ts";
import { readAccounts, readQos, readSinfo, toQueueViews } from "./read-partitions.ts";
import { SLURM_TEMPLATE } from "./template.ts";

export const slurmOptions = z.strictObject({
  ...commonOptions,
  qos: nameWord.nullable().default(null).describe("Quality of service"),
  constraint: expressionWord.nullable().default(null).describe("Features that nodes must have, such as gpu&nvme"),
  gpusPerNode: expressionWord
    .or(z.int().min(1))
    .nullable()
    .default(null)
    .describe("GPUs of each node, such as 4 or a100:4"),
  gres: expressionWord.nullable().default(null).describe("Generic resources of each node"),
  memoryPerNode: expressionWord.or(z.literal(0)).nullable().default(null).describe("Memory of each node, such as 64G"),
  exclusive: z.boolean().default(true).describe("Whole nodes, shared with nobody"),
  reservation: nameWord.nullable().default(null).describe("Reservation to run in"),
  licenses: expressionWord.nullable().default(null).describe("Licences, such as matlab:2"),
  nodeList: expressionWord.nullable().default(null).describe("Nodes that must be among those given"),
  exclude: expressionWord.nullable().default(null).describe("Nodes that must not be"),
  requeue: z
    .boolean()
    .nullable()
    .default(null)
    .describe("Whether it is queued again when a node fails or it is preempted; null = as the cluster does"),
});
export type SlurmOptions = z.output<typeof slurmOptions>;

const DEPENDENCY = { ended: "afterany", ok: "afterok", failed: "afternotok", started: "after" } as const;

export const slurm: Dialect<SlurmOptions> = {
  kind: "slurm",
  commands: ["sbatch", "squeue", "scancel", "scontrol", "sinfo", "sacct"],
  options: slurmOptions,
  template: SLURM_TEMPLATE,
  refusesPath: refusesOddPath,
  variables: ({ wallTimeMin }, { dependsOn, dependsWhen }) => ({
    wallTime: toClock(wallTimeMin),
    dependency: dependsOn.length === 0 ? "" : `${DEPENDENCY[dependsWhen]}:${dependsOn.join(":")}`,
  }),
  submit: (parts) => sbatch(parts, process.env),
  readSubmit: readSbatch,
  look: async ({ run, user, namePrefix }) => {
    const jobs = readSqueue(await run(squeue(user, process.env)));
    // Nothing runs in an allocation that lost its first node, and its other nodes would be held until its time is over.
    const lost = jobs.filter(({ isHeadless, name }) => isHeadless && name.startsWith(namePrefix));
    for (const command of scancel(lost.map(({ id }) => id))) readScancel(await run(command));
    return jobs;
  },
  looksById: false,
  keepsLogs: false,
  history: async ({ run, ids }) => readSacct(await run(sacctByIds(ids, process.env))),
  historyOfNames: async ({ run, names }) => readSacct(await run(sacctByNames(names, process.env))),
  cancel: scancel,
  readCancel: readScancel,
  projects: async ({ run, user }) => readAccounts(await run(showAccounts(user, process.env))),
  queues: async ({ run }) => {
    const partitions = await run(showPartitions(process.env));
    if (partitions.code !== 0) throw silent("slurm", wordsOf(partitions), partitions);
    const nodes = readSinfo(await run(sinfo(process.env)));
    const qos: Answer | null = await run(showQos(process.env)).catch(() => null);
    return toQueueViews(partitions, nodes, qos === null ? new Map() : readQos(qos));
  },
};
