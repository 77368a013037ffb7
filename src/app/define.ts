import type { FailureKind } from "../model/attempts.ts";
import type { HookName, JobState } from "../model/states.ts";
import type { AppDefinitionInput } from "./definition.ts";
import type { ParameterValue } from "./template.ts";

/** A job as its hook sees it. */
export interface HookJob {
  readonly id: number;
  readonly name: string;
  readonly app: string;
  readonly site: string;
  readonly workflow: string;
  readonly state: JobState;
  readonly attempt: number;
  /** Attempts lost with their pilot or node. */
  readonly losses: number;
  /** Absolute path of its workdir. */
  readonly directory: string;
  readonly parameters: Readonly<Record<string, ParameterValue>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, unknown>>;
  readonly exitCode: number | null;
  /** Why it is in this state, in words. */
  readonly reason: string;
}

/** A job that a hook asks for; the fields of `conifer job create --from-json`. */
export interface HookJobRequest {
  readonly app: string | number;
  readonly site?: string | number;
  readonly key?: string;
  readonly name?: string;
  readonly workflow?: string;
  readonly workdir?: string;
  readonly tags?: Record<string, string>;
  readonly parameters?: Record<string, ParameterValue>;
  readonly data?: Record<string, unknown>;
  readonly environment?: Record<string, string>;
  readonly priority?: number;
  /** Ids of jobs, keys of jobs of this very call, or either with the condition under which the child runs. */
  readonly parents?: readonly (number | string | { job: number | string; when?: "ok" | "any" | "failed" })[];
  readonly inputs?: readonly { from: number | string; files: string[]; mode?: "link" | "copy" }[];
  readonly nodes?: number;
  readonly ranksPerNode?: number;
  readonly threadsPerRank?: number;
  readonly threadsPerCore?: number;
  readonly gpusPerRank?: number;
  readonly memoryPerNodeBytes?: number;
  readonly nodePackingCount?: number;
  readonly wallTimeMin?: number;
  readonly limitSec?: number | null;
  readonly maxAttempts?: number;
  readonly maxLosses?: number;
  readonly retryOn?: readonly FailureKind[];
  readonly launchOptions?: readonly string[];
}

/** States a hook may send its job to. */
export type HookState = "PREPROCESSED" | "POSTPROCESSED" | "RUN_DONE" | "RESTART_READY" | "FAILED" | "USER_KILLED";

/**
 * What a hook can do. Everything it asks for is committed in one step after it has returned, once for each job, attempt
 * and hook: a hook that throws or is interrupted has changed nothing, and one that is run again changes nothing more.
 */
export interface HookContext {
  readonly job: HookJob;
  /** How the attempt failed, in onError and onTimeout; null in the others. */
  readonly failure: string | null;
  /** Absolute path of the job's workdir; also the working directory. */
  readonly directory: string;
  parents(): Promise<readonly HookJob[]>;
  children(): Promise<readonly HookJob[]>;
  /** Where the job goes; without it, on to its next stage (onError, onTimeout: as its retry policy says). */
  setState(state: HookState, reason?: string): void;
  /** Entries merged into the job's data; JSON values. */
  setData(entries: Readonly<Record<string, unknown>>): void;
  setTags(tags: Readonly<Record<string, string>>): void;
  /** New values of the job's own parameters, for its next run. */
  setParameters(parameters: Readonly<Record<string, ParameterValue>>): void;
  createJobs(...jobs: readonly HookJobRequest[]): void;
  killJobs(...ids: readonly number[]): void;
  /** A line in hooks.log in the workdir, with the time; `console.log` goes there too. */
  log(...words: readonly unknown[]): void;
}

export type Hook = (context: HookContext) => void | Promise<void>;
export type Hooks = { readonly [name in HookName]?: Hook };

/** What `defineApp` takes: the definition of an app, and functions for its hooks. */
export type AppInput = Omit<AppDefinitionInput, "hooks"> & { readonly hooks?: Hooks };
export type DefinedApp = AppInput & { readonly [APP_MARK]: true };

/** Marks what `defineApp` made, across bundles. */
export const APP_MARK = "coniferApp";

/**
 * Defines an app in a module of a site's apps/ directory: `export const melt = defineApp({ name: "melt", command: … })`.
 * It is checked when the module is loaded (`conifer app sync`), with file and line of what is wrong.
 */
export function defineApp(input: AppInput): DefinedApp {
  return { ...input, [APP_MARK]: true };
}
