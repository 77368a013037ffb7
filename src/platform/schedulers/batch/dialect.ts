/**
 * What one kind of scheduler says and understands: commands out, answers in. All that is the same for every kind (when to
 * ask, what a silence means, scripts, limits) is in batch-scheduler.ts.
 */
import type { z } from "zod";
import type { AllocationRequest, AllocationStatus, QueueView, Submission } from "../scheduler.ts";
import type { Answer, Command, Run } from "./command.ts";

/** A job as the scheduler tells of it. */
export type JobRecord = { readonly id: string; readonly name: string; readonly status: AllocationStatus };

/** Whose jobs: commands ask for this user's only. */
export type Question = {
  readonly run: Run;
  readonly user: string;
  /** Names of the caller's own jobs begin so; what else the user has is not the caller's. */
  readonly namePrefix: string;
  /** Ids that must be among the answers where the scheduler still knows them. */
  readonly ids: readonly string[];
  /** A directory of the caller's own, for what the scheduler writes of a job and forgets itself. */
  readonly logDirectory: string;
};

/** Added to commands that only ask, so that words are English and times are UTC. */
export const ASKING = { LC_ALL: "C", TZ: "UTC" } as const;

export type SubmitParts = {
  readonly request: AllocationRequest;
  /** The scheduler knows the allocation by it, and finds it again by it. */
  readonly jobName: string;
  /** The rendered script's path, and what it holds. */
  readonly script: string;
  readonly text: string;
  /** As in a question. */
  readonly logDirectory: string;
};

export type Dialect<Options extends object = Record<string, unknown>> = {
  readonly kind: string;
  /** Programs that it runs. */
  readonly commands: readonly string[];
  /** What only this scheduler understands; the same keys in the settings and in a request. */
  readonly options: z.ZodType<Options>;
  /** The built-in submit script. */
  readonly template: string;
  /** Directories and files that its commands cannot be given; the reason, or null. */
  readonly refusesPath: (path: string) => string | null;
  /** Variables of the template beside the common ones. */
  readonly variables: (request: AllocationRequest, options: Options) => Readonly<Record<string, unknown>>;
  readonly submit: (parts: SubmitParts) => Command;
  /** Throws SCHEDULER_SILENT where the answer does not say whether it was taken. */
  readonly readSubmit: (answer: Answer) => Submission;
  /** The user's jobs that wait, run, or ended lately, by as few commands as can be. */
  readonly look: (question: Question) => Promise<readonly JobRecord[]>;
  /** Whether `look` tells only of jobs that wait or run and of the ids asked for. */
  readonly looksById: boolean;
  /** Whether it leaves files in `logDirectory`. */
  readonly keepsLogs: boolean;
  /** What accounting says of jobs that are not in the queue any more; ids it does not know are left out. */
  readonly history: ((question: Question) => Promise<readonly JobRecord[]>) | null;
  /** Jobs of these names that have left the queue. */
  readonly historyOfNames:
    | ((question: Question & { readonly names: readonly string[] }) => Promise<readonly JobRecord[]>)
    | null;
  readonly cancel: (ids: readonly string[]) => readonly Command[];
  /** What went wrong with a cancel; null = nothing that matters (it has ended, it is unknown). Throws SCHEDULER_SILENT. */
  readonly readCancel: (answer: Answer) => string | null;
  readonly queues: (question: Question) => Promise<readonly QueueView[]>;
  /** Accounts that the user may charge; null where the answer does not tell. Left out: this kind cannot be asked. */
  readonly projects?: (question: Question) => Promise<readonly string[] | null>;
};
