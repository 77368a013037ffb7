/**
 * What Conifer asks of a batch scheduler, in the few questions that all of them can answer. Calls are rare and in
 * bulk. A scheduler that does not answer is SCHEDULER_SILENT: whoever asked pauses, says why, and asks again; nothing
 * is concluded about any allocation. Ids are the scheduler's own, as text.
 */
export interface Scheduler extends AsyncDisposable {
  readonly kind: string;
  /** Asks for an allocation. A refusal is an answer: it is for good, and says why. */
  submit(request: AllocationRequest): Promise<Submission>;
  /** Ids of allocations asked for under these keys: a submit whose answer was lost is found again. Keys without one are left out. */
  find(keys: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Allocations that were asked for from here and have not ended, as far as the scheduler tells. */
  own(): Promise<readonly OwnAllocation[]>;
  /** How allocations are; one the scheduler knows nothing of (any more) is left out. */
  status(ids: readonly string[]): Promise<ReadonlyMap<string, AllocationStatus>>;
  /** Gives allocations up; ones that have ended are passed over. Answers before they have ended. */
  cancel(ids: readonly string[]): Promise<void>;
  /** Limits of a queue, the one that is used where none is named by default. What cannot be learned is null. */
  limits(queue?: string): Promise<SchedulerLimits>;
  /** The queues there are, as far as they can be learned; empty where the scheduler has none or does not tell. */
  queues(): Promise<readonly QueueView[]>;
}

export type AllocationRequest = {
  /** Chosen by the caller, unique among all it asks for; asking again under a key changes nothing. */
  readonly key: string;
  /** For people who look at the queue. */
  readonly name: string;
  /** What runs on the first node (or the batch host) of the allocation: program and arguments. */
  readonly command: readonly string[];
  /** Added to the environment that allocations have. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** File that stdout and stderr are appended to. */
  readonly output: string;
  readonly nodes: number;
  readonly wallTimeMin: number;
  /** Empty: the scheduler's default. */
  readonly queue: string;
  readonly project: string;
  /** What only this scheduler understands. */
  readonly options: Readonly<Record<string, unknown>>;
};

export type OwnAllocation = { readonly id: string; readonly key: string };

export type Submission =
  | { readonly kind: "submitted"; readonly id: string }
  | { readonly kind: "refused"; readonly reason: string }
  /** Not now: a limit on how many may wait or run in the queue is reached. The same request may be taken later. */
  | { readonly kind: "full"; readonly reason: string }
  /** Not now, for a reason that concerns no other request. */
  | { readonly kind: "later"; readonly reason: string };

/** Times are milliseconds since 1970; null = not known. */
export type AllocationStatus =
  | {
      readonly state: "queued";
      readonly reason: string;
      /** When the scheduler expects it to start. */
      readonly expectedStartAt?: number | null;
    }
  | {
      readonly state: "running";
      readonly startedAt: number | null;
      /** When its wall time is over. */
      readonly endsAt?: number | null;
    }
  /** It cannot be told just now; it may have ended. */
  | { readonly state: "unknown"; readonly reason: string }
  | {
      readonly state: "ended";
      /** failed: a non-zero exit, a signal, out of wall time, a node that died; cancelled: somebody gave it up. */
      readonly outcome: "finished" | "failed" | "cancelled";
      readonly reason: string;
      readonly startedAt: number | null;
      readonly endedAt: number | null;
    };

/** null = no such limit, or not known. */
export type SchedulerLimits = {
  /** Nodes of one allocation. */
  readonly maxNodes: number | null;
  readonly maxWallTimeMin: number | null;
  /** Allocations that may wait to start. */
  readonly maxQueued: number | null;
  /** Allocations that run at once. */
  readonly maxRunning: number | null;
  /** Fewest nodes of one allocation. */
  readonly minNodes?: number | null;
  /** Allocations that may wait or run. */
  readonly maxSubmitted?: number | null;
};

export type QueueView = {
  readonly name: string;
  readonly isDefault: boolean;
  /** Whether it takes allocations and starts them. */
  readonly isOpen: boolean;
  readonly limits: SchedulerLimits;
  /** Null = not known. */
  readonly totalNodes: number | null;
  /** Nodes on which nothing runs and something could; null = not known. */
  readonly idleNodes: number | null;
};
