import type { AllocationStatus } from "../scheduler.ts";

/** A job as squeue and sacct both tell of it. Times are milliseconds since 1970. */
export type SlurmJob = {
  readonly state: string;
  /** Slurm's word for why it waits or how it ended; None where there is none. */
  readonly reason: string;
  readonly exitCode: number;
  readonly signal: number;
  readonly startAt: number | null;
  readonly endAt: number | null;
  readonly restarts: number;
  readonly nodes: string;
};

const WAITS = new Set([
  "PENDING",
  "REQUEUED",
  "REQUEUE_HOLD",
  "REQUEUE_FED",
  "RESV_DEL_HOLD",
  "SPECIAL_EXIT",
  "CONFIGURING",
]);
const RUNS = new Set(["RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT", "RESIZING"]);
const ENDS: Readonly<Record<string, string>> = {
  COMPLETED: "",
  FAILED: "it failed",
  TIMEOUT: "it was over its wall time",
  NODE_FAIL: "a node failed",
  PREEMPTED: "it was preempted",
  OUT_OF_MEMORY: "it ran out of memory",
  BOOT_FAIL: "its nodes did not boot",
  DEADLINE: "its deadline came first",
  LAUNCH_FAILED: "it could not be launched",
  RECONFIG_FAIL: "its nodes could not be set up",
  REVOKED: "it was given to another cluster",
};

/** What a job is; a state that nobody knows (a newer Slurm's) counts as waiting and is told as it is. */
export function toStatus(job: SlurmJob): AllocationStatus {
  const [word = ""] = job.state.split(" ");
  if (RUNS.has(word)) return { state: "running", startedAt: job.startAt, endsAt: job.endAt };
  if (WAITS.has(word)) return { state: "queued", reason: whyWaiting(word, job), expectedStartAt: job.startAt };
  const end = { startedAt: job.nodes === "" ? null : job.startAt, endedAt: job.endAt };
  if (word === "CANCELLED") return { state: "ended", outcome: "cancelled", reason: whyCancelled(job), ...end };
  const told = ENDS[word];
  if (told === undefined) return { state: "queued", reason: `its state is ${job.state}` };
  if (word === "COMPLETED") return { state: "ended", outcome: "finished", reason: "", ...end };
  return { state: "ended", outcome: "failed", reason: whyFailed(word, told, job), ...end };
}

/** Why a job waits, in words, with Slurm's own word. */
const PENDING: Readonly<Record<string, string>> = {
  Resources: "it waits for free nodes",
  Priority: "jobs of higher priority come first",
  Dependency: "it waits for another job",
  DependencyNeverSatisfied: "the job it waits for ended otherwise: it will never start",
  BeginTime: "its begin time has not come",
  JobHeldUser: "it is held by its user",
  JobHeldAdmin: "it is held by an administrator",
  JobArrayTaskLimit: "its array runs as many tasks as it may",
  PartitionNodeLimit: "it asks for more nodes than its partition gives",
  PartitionTimeLimit: "it asks for more time than its partition gives",
  PartitionDown: "its partition is down",
  PartitionInactive: "its partition is inactive",
  ReqNodeNotAvail: "nodes it needs are not available",
  Reservation: "its reservation has not begun",
  Licenses: "it waits for licences",
  BadConstraints: "no node can ever give what it asks for",
  NodeDown: "a node it needs is down",
  InvalidAccount: "its account is not valid",
  InvalidQOS: "its QOS is not valid",
  QOSJobLimit: "its QOS runs as many jobs as it may",
  QOSMaxJobsPerUserLimit: "its QOS runs as many of the user's jobs as it may",
  AssocMaxJobsLimit: "its account runs as many jobs as it may",
};

function whyWaiting(state: string, { reason, restarts }: SlurmJob): string {
  if (state === "CONFIGURING") return "its nodes are being set up";
  const again = restarts > 0 ? "it was put back into the queue after a node failed or it was preempted; " : "";
  const [word = ""] = reason.replace(/^\(|\)$/g, "").split(",");
  if (word === "" || word === "None") return `${again}it was just submitted`;
  const limit = /^(Assoc|QOS)(Grp|Max)/.test(word) ? "a limit of its account or QOS is reached" : undefined;
  const words = PENDING[word] ?? limit;
  return `${again}${words === undefined ? reason : `${words} (${word})`}`;
}

function whyCancelled({ state, reason }: SlurmJob): string {
  const by = /^CANCELLED by (\d+)$/.exec(state);
  const never = reason === "DependencyNeverSatisfied" ? `: ${PENDING.DependencyNeverSatisfied}` : "";
  return `it was cancelled${by === null ? "" : ` by user ${by[1]}`}${never}`;
}

/** Slurm gives this "signal" to a job whose output it could not open. */
const NO_OUTPUT_SIGNAL = 53;

function whyFailed(state: string, told: string, { reason, exitCode, signal, nodes }: SlurmJob): string {
  if (state === "NODE_FAIL" && nodes !== "") return `${told} (it had ${nodes})`;
  if (state !== "FAILED") return told;
  if (reason === "BadConstraints") return `${PENDING.BadConstraints} (${reason})`;
  if (signal === NO_OUTPUT_SIGNAL) return "its output file could not be opened";
  if (signal > 0) return `it was ended by signal ${signal}`;
  if (exitCode > 0) return `exit code ${exitCode}`;
  return reason === "None" || reason === "" ? told : `${told} (${reason})`;
}
