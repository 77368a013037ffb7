/**
 * What a hub and a node agent say to each other, one JSON object a line.
 *
 * Credit: the hub sends `start` only for cores it counts as free, or for those of one running task (`after`, in
 * a line of a few short ones), so a node never holds much more than it runs; bytes are held back by the channel (`channel.ts`). A node answers every started task with exactly one `ended`, also
 * when it never ran; `started` comes before it unless the reason is `not-started`. A task the node does not know
 * (it ended meanwhile) is ignored in `end`.
 *
 * A task over several nodes is started by one of them; the others hear of it by `share`, so that they end what is left of it when they
 * lose their hub. When it has ended, each of its nodes is told so by `share` and answers with exactly one `cleared`: that no
 * process with the task's marker is left there, or which ones cannot be ended.
 */

/** The version both ends must share; a hub refuses a `hello` with another one. */
export const linkProtocol = 2;

export type GpuKind = "cuda" | "rocr" | "ze";

/** One GPU as its vendor's runtime names it (`0`, `GPU-8f…`, `0.1`). */
export interface GpuId {
  readonly kind: GpuKind;
  readonly id: string;
}

/** Files of another workdir that a task finds in its own when it starts. */
export interface TaskInput {
  /** Absolute; must lie inside the agent's root. */
  readonly fromDirectory: string;
  /** Globs relative to `fromDirectory`. */
  readonly patterns: readonly string[];
  /** `link` makes symbolic links. */
  readonly mode: "link" | "copy";
}

/** One process to run, with everything a node must know about it. */
export interface TaskSpec {
  /** `<job>.<attempt>`, unique on the link. */
  readonly task: string;
  /** Counted from 1. */
  readonly attempt: number;
  /** Shell text whose values are quoted already. */
  readonly command: string;
  /** Shell text run before the command in the same shell. */
  readonly preamble: string | null;
  /** Absolute; made if missing; must lie inside the agent's root. */
  readonly workdir: string;
  /** File names in the workdir. */
  readonly stdout: string;
  readonly stderr: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Cores to pin to; null leaves the task on all of the agent's. */
  readonly cores: readonly number[] | null;
  readonly gpus: readonly GpuId[];
  readonly threadsPerRank: number;
  /** Hard limit on the run time; null is none. */
  readonly limitSec: number | null;
  /** Between SIGTERM and SIGKILL when the limit is reached. */
  readonly graceSec: number;
  readonly inputs: readonly TaskInput[];
  /** Globs in the workdir that must match something after exit 0. */
  readonly outputs: readonly string[];
  /**
   * Starts only when this task of the node has ended, however it ends, in its place; at once where it has ended
   * already or is not given. Spares short tasks the way to the hub and back. Told to end while it waits, the task ends
   * at once, never having run, and who waits for it waits for the one before it.
   */
  readonly after?: string | null;
  /** Where a running task reaches the pilot, written to its job file. */
  readonly steering: { readonly address: string; readonly token: string } | null;
  /** Further content of the file named by `CONIFER_JOB_FILE`; without it and `steering` there is no file. */
  readonly jobFile: Readonly<Record<string, unknown>> | null;
}

/** Why a hub has a task ended. */
export type EndReason = "killed" | "limit" | "allocation-end" | "released";

export interface EndRequest {
  readonly task: string;
  readonly graceSec: number;
  readonly reason: EndReason;
  /** Leaves the task alone once it is no longer waiting for another one (`after`). */
  readonly onlyWaiting?: boolean;
}

/** A task whose processes may be found on a node, by the markers in their environment. */
export interface SharedTask {
  readonly task: string;
  /** The agent that started it (`NodeHello.agent`). */
  readonly agent: string;
}

export interface SharedTaskEnd extends SharedTask {
  /** Kills at once what is left; else it gets a moment to end by itself, then SIGTERM, then SIGKILL. */
  readonly isForced: boolean;
}

export type HubMessage =
  | { readonly type: "start"; readonly tasks: readonly TaskSpec[] }
  | { readonly type: "end"; readonly tasks: readonly EndRequest[] }
  | { readonly type: "share"; readonly begin: readonly SharedTask[]; readonly end: readonly SharedTaskEnd[] }
  | { readonly type: "shutdown"; readonly graceSec: number }
  | { readonly type: "ping"; readonly n: number };

/** What a node agent is, said once when the link opens. */
export interface NodeHello {
  readonly type: "hello";
  readonly protocol: number;
  readonly hostname: string;
  readonly pid: number;
  /** Changes when the machine restarts: with `pid` it names one agent. */
  readonly bootId: string;
  /** In the environment of all its processes as CONIFER_NODE_AGENT: by it they are found after its death. */
  readonly agent: string;
  /** The agent's affinity mask. */
  readonly cpus: readonly number[];
  readonly gpus: readonly GpuId[];
  readonly memoryBytes: number;
}

export interface TaskStart {
  readonly task: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The task's own process, or that of the task shell it runs under (its process group). */
  readonly pid: number;
}

/** `released` is reported as `killed`: the hub knows what it asked. `lost` means that the exit status is not known. */
export type TaskEndReason = "exit" | "killed" | "limit" | "allocation-end" | "not-started" | "lost";

export interface TaskEnd {
  readonly task: string;
  /** Milliseconds since the epoch; null when it never ran. */
  readonly startedAt: number | null;
  readonly at: number;
  readonly exitCode: number | null;
  /** Such as `SIGTERM`, where the process died of one. */
  readonly signal: string | null;
  readonly reason: TaskEndReason;
  /** Said where the exit code does not say it all. */
  readonly message: string | null;
  /** At most 10 lines and 4 KiB, valid UTF-8. */
  readonly stderrTail: string;
  /** Output globs that matched nothing after exit 0. */
  readonly missingOutputs: readonly string[];
}

/** What an agent says of a shared task that has ended. */
export interface TaskCleared {
  readonly task: string;
  /** Process ids that could not be ended; none = it is clear. */
  readonly left: readonly number[];
}

export type NodeMessage =
  | NodeHello
  | { readonly type: "started"; readonly tasks: readonly TaskStart[] }
  | { readonly type: "ended"; readonly tasks: readonly TaskEnd[] }
  | { readonly type: "cleared"; readonly tasks: readonly TaskCleared[] }
  | { readonly type: "pong"; readonly n: number }
  | { readonly type: "note"; readonly text: string };
