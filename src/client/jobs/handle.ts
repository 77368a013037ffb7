import { join } from "node:path";
import { ConiferError } from "../../model/errors.ts";
import type { JobState } from "../../model/states.ts";
import type { Client } from "../client.ts";
import { idParts } from "../wait/parts.ts";
import { type WaitOptions, waitForParts } from "../wait/wait.ts";
import type { Job, JobChange, JobEvent, Site } from "../wire/entities.ts";
import type { AnswerOf, BodyInput } from "../wire/operations.ts";

/** How a job ended. */
export type JobResult = {
  /** JOB_FINISHED. */
  readonly ok: boolean;
  readonly state: JobState;
  /** Of its last attempt; null where it never ran or was ended by a signal. */
  readonly exitCode: number | null;
  /** Why it ended so, in words. */
  readonly reason: string;
  /** The attempt this is the result of. */
  readonly attempt: number;
  /** Its working directory, absolute, on the site's machine. */
  readonly directory: string;
  /** Files on the site's machine. */
  readonly stdout: string;
  readonly stderr: string;
};
/** What a change of many jobs did: how many matched and changed, and why others were left. */
export type Changed = AnswerOf<"jobUpdate">;
export type Explanation = AnswerOf<"jobExplain">;
/** A job as it was read, with what can be done to it. */
export type LoadedJob = JobHandle & Readonly<Job>;

/** What handles of one connection share. */
export type Shared = { readonly client: Client; readonly siteOf: (id: number) => Promise<Site> };

/** A job by its id. Nothing is read until it is asked for. */
export class JobHandle {
  readonly id: number;
  readonly #shared: Shared;

  constructor(id: number, shared: Shared) {
    this.id = id;
    this.#shared = shared;
  }

  /** Reads the job as it is now; throws NOT_FOUND. */
  async load(): Promise<LoadedJob> {
    return loadedJob(await this.#shared.client.call("jobGet", { params: { id: this.id } }), this.#shared);
  }

  /** Every step of its life, oldest first. */
  async history(): Promise<readonly JobEvent[]> {
    return (await this.#shared.client.call("jobHistory", { params: { id: this.id } })).items;
  }

  /** Why it is where it is, and what it waits for. */
  explain(): Promise<Explanation> {
    return this.#shared.client.call("jobExplain", { params: { id: this.id } });
  }

  /** Waits until it has ended; TIMED_OUT after `timeoutSec`. */
  async wait(options: WaitOptions = {}): Promise<LoadedJob> {
    await waitForParts(this.#shared.client, idParts([this.id]), options);
    return this.load();
  }

  /** Waits until it has ended and says how, and where its output is. A job that failed is a result too, not an exception. */
  async result(options: WaitOptions = {}): Promise<JobResult> {
    const job = await this.wait(options);
    const site = await this.#shared.siteOf(job.siteId);
    const directory = join(site.path, "data", job.workdir);
    const { state, exitCode, reason, attempt } = job;
    const files = { directory, stdout: join(directory, "job.out"), stderr: join(directory, "job.err") };
    return { ok: state === "JOB_FINISHED", state, exitCode, reason, attempt, ...files };
  }

  /** Changes fields; a running job takes them at its next attempt. */
  update(set: JobChange): Promise<Changed> {
    return this.#shared.client.call("jobUpdate", { body: { ids: [this.id], set } });
  }

  /** Ends it; with `recursive` its descendants too. */
  kill(options: Omit<BodyInput<"jobKill">, "ids" | "where"> = {}): Promise<Changed> {
    return this.#shared.client.call("jobKill", { body: { ids: [this.id], ...options } });
  }

  /** Runs it again after it has ended. */
  retry(): Promise<Changed> {
    return this.#shared.client.call("jobRetry", { body: { ids: [this.id] } });
  }

  /** Deletes it; throws CONFLICT where it cannot be deleted (a running job must be killed first). */
  async delete(): Promise<void> {
    const { changed, left } = await this.#shared.client.call("jobDelete", { body: { ids: [this.id] } });
    if (changed === 0)
      throw new ConiferError("CONFLICT", { what: `job ${this.id}`, problem: left[0]?.reason ?? "it is not there" });
  }

  /** Makes it wait for other jobs; only while it still waits. */
  async dependOn(...parents: readonly (JobHandle | BodyInput<"jobDependencies">["parents"][number])[]): Promise<void> {
    const body = { parents: parents.map((parent) => (parent instanceof JobHandle ? { job: parent.id } : parent)) };
    await this.#shared.client.call("jobDependencies", { params: { id: this.id }, body });
  }
}

/** A handle that also holds what was read. */
export function loadedJob(job: Job, shared: Shared): LoadedJob {
  return Object.assign(new JobHandle(job.id, shared), job);
}
