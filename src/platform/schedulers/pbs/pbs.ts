import { z } from "zod";
import type { Answer, Run } from "../batch/command.ts";
import type { Dialect, JobRecord } from "../batch/dialect.ts";
import { toClock } from "../batch/times.ts";
import { commonOptions, expressionWord, refusesOddPath } from "../batch/words.ts";
import { pbsnodes, qdel, qselect, qselectByName, qstat, qstatQueues, qstatServer, qsub } from "./arguments.ts";
import { hasNoHistory, readQdel, readQselect, readQstat, readQsub } from "./read-jobs.ts";
import { toQueueViews } from "./read-queues.ts";
import { PBS_TEMPLATE } from "./template.ts";

export const pbsOptions = z.strictObject({
  ...commonOptions,
  select: expressionWord
    .nullable()
    .default(null)
    .describe("What each node must have, such as ncpus=64:ngpus=4; or a whole select, which begins with a number"),
  place: expressionWord.default("scatter:excl").describe("How nodes are shared and spread"),
  filesystems: expressionWord.nullable().default(null).describe("File systems it needs, such as home:eagle"),
  rerunnable: z
    .boolean()
    .nullable()
    .default(null)
    .describe("Whether it is queued again when a node is lost; null = as the cluster does"),
});
export type PbsOptions = z.output<typeof pbsOptions>;

const DEPENDENCY = { ended: "afterany", ok: "afterok", failed: "afternotok", started: "after" } as const;

export const pbs: Dialect<PbsOptions> = {
  kind: "pbs",
  commands: ["qsub", "qstat", "qselect", "qdel", "pbsnodes"],
  options: pbsOptions,
  template: PBS_TEMPLATE,
  refusesPath: refusesOddPath,
  variables: ({ nodes, wallTimeMin }, { select, dependsOn, dependsWhen }) => ({
    wallTime: toClock(wallTimeMin),
    select: select === null ? String(nodes) : /^\d+(:|\+|$)/.test(select) ? select : `${nodes}:${select}`,
    dependency: dependsOn.length === 0 ? "" : `${DEPENDENCY[dependsWhen]}:${dependsOn.join(":")}`,
  }),
  submit: qsub,
  readSubmit: readQsub,
  look: async ({ run, user, ids }) => {
    const waiting = readQselect(await run(qselect(user)));
    return askJobs(run, [...new Set([...waiting, ...ids])]);
  },
  looksById: true,
  keepsLogs: false,
  history: null,
  historyOfNames: async ({ run, user, names }) => {
    const found: string[] = [];
    for (const name of names) found.push(...readQselect(await run(qselectByName(user, name))));
    return askJobs(run, found);
  },
  cancel: qdel,
  readCancel: readQdel,
  queues: async ({ run }) =>
    toQueueViews({ queues: await run(qstatQueues), server: await run(qstatServer), nodes: await run(pbsnodes) }),
};

async function askJobs(run: Run, ids: readonly string[]): Promise<JobRecord[]> {
  const records: JobRecord[] = [];
  const plain = qstat(ids, { history: false });
  for (const [index, command] of qstat(ids).entries()) {
    let answer: Answer = await run(command);
    const without = plain[index];
    if (without !== undefined && hasNoHistory(answer)) answer = await run(without);
    records.push(...readQstat(answer));
  }
  return records;
}
