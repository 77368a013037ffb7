import type { Command } from "../batch/command.ts";
import { ASKING, type SubmitParts } from "../batch/dialect.ts";

/** Columns of squeue that are read, in this order; the name is last because it alone may hold the separator. */
const SQUEUE_COLUMNS = [
  "JobArrayID",
  "State",
  "Reason",
  "exit_code",
  "StartTime",
  "EndTime",
  "RestartCnt",
  "BatchHost",
  "NodeList",
  "Name",
];
const SACCT_COLUMNS = ["JobID", "State", "ExitCode", "Start", "End", "NodeList", "JobName"];
const IDS_A_COMMAND = 200;

/** Slurm's own variables of an allocation that the asker itself may run in: they would change what the commands mean. */
const NOT_OURS = /^SLURM_(?!CONF$|CLUSTERS$)|^SALLOC_|^SRUN_/;
/** Defaults that a user may have set for batch jobs and that stand in for what is not said; all others must not override what is. */
const DEFAULTS = { SBATCH_ACCOUNT: "project", SBATCH_PARTITION: "queue" } as const;
const KEPT = new Set(["SBATCH_QOS", "SBATCH_CONSTRAINT", "SBATCH_RESERVATION", "SBATCH_CLUSTERS"]);

export function sbatch({ request, jobName, script }: SubmitParts, environment: NodeJS.ProcessEnv): Command {
  const output = request.output.replaceAll("%", "%%");
  return {
    argv: [
      "sbatch",
      "--parsable",
      `--job-name=${jobName}`,
      `--output=${output}`,
      "--open-mode=append",
      `--chdir=${request.directory}`,
      script,
    ],
    environment: taken(environment, (name) => {
      if (NOT_OURS.test(name)) return true;
      if (!name.startsWith("SBATCH_") || KEPT.has(name)) return false;
      return !(name in DEFAULTS) || request[DEFAULTS[name as keyof typeof DEFAULTS]] !== "";
    }),
  };
}

/** All the user's jobs that slurmctld still has: those that wait and run, and those that ended in the last minutes. */
export function squeue(user: string, environment: NodeJS.ProcessEnv): Command {
  const columns = SQUEUE_COLUMNS.map((column) => `${column}:|`).join(",");
  return asking(["squeue", "--noheader", "--states=all", `--user=${user}`, `--Format=${columns}`], environment);
}

export function sacctByIds(ids: readonly string[], environment: NodeJS.ProcessEnv): Command {
  return asking([...SACCT, `--jobs=${ids.join(",")}`], environment);
}

/** Of the last two weeks. */
export function sacctByNames(names: readonly string[], environment: NodeJS.ProcessEnv): Command {
  return asking([...SACCT, `--name=${names.join(",")}`, "--starttime=now-14days"], environment);
}

const SACCT = [
  "sacct",
  "--allocations",
  "--duplicates",
  "--noheader",
  "--parsable2",
  `--format=${SACCT_COLUMNS.join(",")}`,
] as const;

export function scancel(ids: readonly string[]): readonly Command[] {
  const chunks = Array.from({ length: Math.ceil(ids.length / IDS_A_COMMAND) }, (_, chunk) =>
    ids.slice(chunk * IDS_A_COMMAND, (chunk + 1) * IDS_A_COMMAND),
  );
  return chunks.map((chunk) => ({ argv: ["scancel", ...chunk], environment: { LC_ALL: "C" } }));
}

export function showPartitions(environment: NodeJS.ProcessEnv): Command {
  return asking(["scontrol", "--oneliner", "show", "partition"], environment);
}

/** Nodes of each partition as allocated/idle/other/total. */
export function sinfo(environment: NodeJS.ProcessEnv): Command {
  return asking(["sinfo", "--noheader", "--format=%R|%F"], environment);
}

export function showQos(environment: NodeJS.ProcessEnv): Command {
  const format = "format=name,maxsubmitjobsperuser,maxjobsperuser,maxwall";
  return asking(["sacctmgr", "--noheader", "--parsable2", "show", "qos", format], environment);
}

/** The user's associations: one line for each account and partition. */
export function showAccounts(user: string, environment: NodeJS.ProcessEnv): Command {
  return asking(
    ["sacctmgr", "--noheader", "--parsable2", "show", "associations", `user=${user}`, "format=account"],
    environment,
  );
}

function asking(argv: readonly [string, ...string[]], environment: NodeJS.ProcessEnv): Command {
  const ours = /^(SQUEUE|SACCT|SINFO)_/;
  return {
    argv: [...argv],
    environment: { ...taken(environment, (name) => NOT_OURS.test(name) || ours.test(name)), ...ASKING },
  };
}

function taken(environment: NodeJS.ProcessEnv, isTaken: (name: string) => boolean): Record<string, null> {
  return Object.fromEntries(
    Object.keys(environment)
      .filter(isTaken)
      .map((name) => [name, null]),
  );
}
