import { randomUUID } from "node:crypto";
import { asCompleted } from "../wait/as-completed.ts";
import { startDeadline } from "../wait/deadline.ts";
import { idParts } from "../wait/parts.ts";
import type { Progress } from "../wait/progress.ts";
import { type WaitOptions, waitForParts } from "../wait/wait.ts";
import type { JobCreate } from "../wire/entities.ts";
import { BATCH_JOBS, splitJobs } from "./batches.ts";
import type { JobConditions } from "./conditions.ts";
import { JobHandle, type LoadedJob, loadedJob, type Shared } from "./handle.ts";
import { JobQuery } from "./query.ts";

type Parents = NonNullable<JobCreate["parents"]>;
/** A job to create; parents may also be handles. */
export type NewJob = Omit<JobCreate, "parents"> & {
  readonly parents?: readonly (Parents[number] | JobHandle)[] | undefined;
};
export type CreateOptions = {
  /** A call that is repeated with the same key and the same jobs answers the same jobs and makes nothing twice. Default: a fresh key. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
};
/** Jobs by handle or id. */
export type SomeJobs = Iterable<JobHandle | number>;

/** The jobs of a server. */
export interface Jobs {
  /** Creates one job. */
  create(job: NewJob, options?: CreateOptions): Promise<JobHandle>;
  /**
   * Creates many. Jobs that name each other by `key` go in one request up to 100,000 (all or none); others in batches
   * of 5,000, so that a refused batch leaves those before it created.
   */
  create(jobs: readonly NewJob[], options?: CreateOptions): Promise<JobHandle[]>;
  /** Creates what a source yields, batch by batch, with little memory; yields the ids of each batch. Jobs may name each other by id only. */
  createEach(source: Iterable<NewJob> | AsyncIterable<NewJob>, options?: CreateOptions): AsyncGenerator<number[], void>;
  /** A job by its id; reads nothing. */
  handle(id: number): JobHandle;
  /** Reads a job; throws NOT_FOUND. */
  get(id: number): Promise<LoadedJob>;
  /** Jobs for which all of these hold: filter texts (`"state=FAILED"`) or conditions. None: all jobs. */
  filter(...conditions: readonly (string | JobConditions)[]): JobQuery;
  /** Waits until all have ended; answers how many ended how. */
  wait(jobs: SomeJobs | JobQuery, options?: WaitOptions): Promise<Progress>;
  /** Yields each job once, as it ends; TIMED_OUT after `timeoutSec`. */
  asCompleted(jobs: SomeJobs, options?: Omit<WaitOptions, "onProgress">): AsyncGenerator<LoadedJob, void>;
}

/** The jobs of the server behind `shared`. */
export function openJobs(shared: Shared): Jobs {
  const { client } = shared;
  const send = async (jobs: readonly JobCreate[], key: string, signal?: AbortSignal) => {
    const body = { jobs: [...jobs] };
    return (await client.call("jobCreate", { body, idempotencyKey: key, ...(signal ? { signal } : {}) })).ids;
  };

  async function create(job: NewJob, options?: CreateOptions): Promise<JobHandle>;
  async function create(jobs: readonly NewJob[], options?: CreateOptions): Promise<JobHandle[]>;
  async function create(given: NewJob | readonly NewJob[], options: CreateOptions = {}) {
    const key = options.idempotencyKey ?? randomUUID();
    const isMany = Array.isArray(given);
    const jobs = (isMany ? given : [given]).map(withoutHandles);
    const ids: number[] = new Array(jobs.length);
    for (const [index, batch] of splitJobs(jobs).entries()) {
      const made = await send(batch.jobs, batchKey(key, index), options.signal);
      for (const [at, place] of batch.places.entries()) ids[place] = made[at] ?? 0;
    }
    const handles = ids.map((id) => new JobHandle(id, shared));
    return isMany ? handles : handles[0];
  }

  return {
    create: create as Jobs["create"],
    async *createEach(source, options = {}) {
      const key = options.idempotencyKey ?? randomUUID();
      let index = 0;
      for await (const jobs of inBatches(source)) {
        yield await send(jobs, batchKey(key, index), options.signal);
        index += 1;
      }
    },
    handle: (id) => new JobHandle(id, shared),
    get: (id) => new JobHandle(id, shared).load(),
    filter: (...conditions) => new JobQuery(shared).filter(...conditions),
    wait: (jobs, options = {}) =>
      jobs instanceof JobQuery ? jobs.wait(options) : waitForParts(client, idParts(idsOf(jobs)), options),
    async *asCompleted(jobs, options = {}) {
      const deadline = startDeadline(options);
      try {
        for await (const job of asCompleted(client, idsOf(jobs), deadline.signal)) yield loadedJob(job, shared);
      } catch (error) {
        throw deadline.toThrow(error);
      }
    },
  };
}

const batchKey = (key: string, index: number): string => (index === 0 ? key : `${key}-${index}`);
const idsOf = (jobs: SomeJobs): number[] => Array.from(jobs, (job) => (typeof job === "number" ? job : job.id));

function withoutHandles(job: NewJob): JobCreate {
  const { parents, ...rest } = job;
  if (parents === undefined) return rest;
  return { ...rest, parents: parents.map((parent) => (parent instanceof JobHandle ? parent.id : parent)) };
}

async function* inBatches(source: Iterable<NewJob> | AsyncIterable<NewJob>): AsyncGenerator<JobCreate[], void> {
  let batch: JobCreate[] = [];
  for await (const job of source) {
    batch.push(withoutHandles(job));
    if (batch.length < BATCH_JOBS) continue;
    for (const part of splitJobs(batch)) yield [...part.jobs];
    batch = [];
  }
  if (batch.length > 0) for (const part of splitJobs(batch)) yield [...part.jobs];
}
