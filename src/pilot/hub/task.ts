import type { Resources } from "../../model/resources.ts";
import type { GpuId, TaskSpec } from "../link/messages.ts";

/** A task as the hub knows it, whatever source it came from. */
export interface HubTask {
  /** Unique among the tasks a hub holds. */
  readonly id: number;
  /** Counted from 1. */
  readonly attempt: number;
  /** Higher ones first. */
  readonly priority: number;
  readonly resources: Resources;
  /** Too wide for what was free when it was taken: nodes are to be reserved for it. */
  readonly isWide: boolean;
  /** Where its processes are started from: on its first node (default), or on the host of the batch script where launchers work only there. */
  readonly startsOn?: "first-node" | "batch-host";
  /** Makes what the node that starts it is told. Throws with what is wrong with the task. */
  makeSpec(places: readonly TaskPlace[]): TaskSpec;
}

/** What a task got of one node. */
export interface TaskPlace {
  readonly hostname: string;
  /** Null where it runs unpinned. */
  readonly cores: readonly number[] | null;
  readonly gpus: readonly GpuId[];
}

/** The name of a task on the link. */
export const taskName = (task: Pick<HubTask, "id" | "attempt">): string => `${task.id}.${task.attempt}`;
