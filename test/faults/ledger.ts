import { join } from "node:path";
import type { AppDefinitionInput } from "../../src/app/definition.ts";
import type { JobCreate } from "../../src/client/wire/entities.ts";
import type { Installation } from "../setup/installation.ts";

/** Appended to by every process of every job: short lines, so that each write is whole whoever writes beside it. */
const FILE = "ledger";

/**
 * An app whose processes write down that they begin and end. Each holds a lock that its children inherit: whoever does not
 * get it has met another process of the same job, and writes that down too.
 */
export const ledgerApp: AppDefinitionInput = {
  name: "count",
  command: `job=\${CONIFER_TASK%.*}
exec 9>>"{{ledger|raw}}.$job"
flock -n 9 || echo "overlap $CONIFER_TASK" >>{{ledger}}
echo "begin $CONIFER_TASK" >>{{ledger}}
sleep {{seconds}}
echo "end $CONIFER_TASK" >>{{ledger}}
exit {{code}}`,
  parameters: {
    ledger: { type: "string" },
    seconds: { type: "number", default: 0 },
    code: { type: "integer", default: 0 },
  },
};

/** A job of that app. */
export function counted(installation: Installation, seconds: number, job: Partial<JobCreate> = {}): JobCreate {
  return { app: "count", parameters: { ledger: join(installation.directory, FILE), seconds }, ...job };
}

export type Ledger = {
  /** `begin 1.1`, `end 1.1`, in the order in which they were written. */
  readonly lines: readonly string[];
  /** How often each task (`job.attempt`) began. */
  readonly begun: ReadonlyMap<string, number>;
  readonly ended: ReadonlySet<string>;
  /** Tasks that met another process of their job. */
  readonly overlaps: readonly string[];
};

export function readLedger(installation: Installation): Ledger {
  const lines = installation.read(`../${FILE}`).split("\n").filter(Boolean);
  const of = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(" ")[1] ?? "");
  const begun = new Map<string, number>();
  for (const task of of("begin")) begun.set(task, (begun.get(task) ?? 0) + 1);
  return { lines, begun, ended: new Set(of("end")), overlaps: of("overlap") };
}

/** How often a job's processes began, all attempts together. */
export function runsOf(ledger: Ledger, job: number): number {
  return [...ledger.begun].filter(([task]) => task.startsWith(`${job}.`)).reduce((sum, [, count]) => sum + count, 0);
}
