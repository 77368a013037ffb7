/** One task on one slot, from its start to its end; a task on several slots is several intervals. Times in ms since any epoch. */
export interface TaskInterval {
  readonly label: string;
  /** The app's name; tasks are coloured by it. */
  readonly group: string;
  readonly node: string;
  /** 0 for the first slot of a task; those of its other slots, on this node and on others, count on. Default 0. */
  readonly part?: number;
  /** From 0 on each node. */
  readonly slot: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly outcome: "ok" | "failed" | "killed";
}

/** How many tasks a node can run at once. */
export interface NodeSlots {
  readonly node: string;
  readonly count: number;
}

/** When the slots were there to be used. */
export interface AllocationSpan {
  readonly startMs: number;
  readonly endMs: number;
}

/** What `drawUtilisation` draws. */
export interface UtilisationInput {
  readonly intervals: readonly TaskInterval[];
  readonly slots: readonly NodeSlots[];
  /** Default: from the first start to the last end. */
  readonly allocation?: readonly AllocationSpan[];
}

/** Where the panels lie on the paper, in pixels. */
export interface Paper {
  readonly left: number;
  readonly width: number;
  readonly place: (ms: number) => number;
}
