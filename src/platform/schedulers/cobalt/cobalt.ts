import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Dialect, JobRecord, Question } from "../batch/dialect.ts";
import { commonOptions, expressionWord, refusesOddPath } from "../batch/words.ts";
import { nodelist, qdel, qstat, qstatQueues, qsub } from "./arguments.ts";
import { jobOfLog, readCobaltLog, readQdel, readQstat, readQsub } from "./read-jobs.ts";
import { toQueueViews } from "./read-queues.ts";
import { COBALT_TEMPLATE } from "./template.ts";

export const cobaltOptions = z.strictObject({
  ...commonOptions,
  dependsWhen: z.enum(["ok"]).default("ok").describe("Cobalt only knows ok: the jobs before must end well"),
  attrs: expressionWord.nullable().default(null).describe("Attributes, such as mcdram=cache:numa=quad"),
});
export type CobaltOptions = z.output<typeof cobaltOptions>;

export const cobalt: Dialect<CobaltOptions> = {
  kind: "cobalt",
  commands: ["qsub", "qstat", "qdel", "nodelist"],
  options: cobaltOptions,
  template: COBALT_TEMPLATE,
  refusesPath: refusesOddPath,
  variables: (_request, { dependsOn }) => ({ dependency: dependsOn.join(":") }),
  submit: qsub,
  readSubmit: readQsub,
  look: async ({ run, user }) => readQstat(await run(qstat(user)), Date.now()),
  looksById: false,
  keepsLogs: true,
  history: async ({ ids, logDirectory }) => (await readLogs(logDirectory)).filter(({ id }) => ids.includes(id)),
  historyOfNames: async ({ names, logDirectory }: Question & { readonly names: readonly string[] }) =>
    (await readLogs(logDirectory)).filter(({ name }) => names.includes(name)),
  cancel: qdel,
  readCancel: readQdel,
  queues: async ({ run }) => toQueueViews(await run(qstatQueues), await run(nodelist)),
};

const LOG = ".cobaltlog";

async function readLogs(directory: string): Promise<JobRecord[]> {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith(LOG));
  const records: JobRecord[] = [];
  for (const file of names) {
    const text = await readFile(join(directory, file), "utf8").catch(() => "");
    const id = jobOfLog(text);
    const status = readCobaltLog(text);
    if (id !== null && status !== null) records.push({ id, name: file.slice(0, -LOG.length), status });
  }
  return records;
}
