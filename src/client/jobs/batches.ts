import { ConiferError } from "../../model/errors.ts";
import type { JobCreate } from "../wire/entities.ts";

/** Jobs that go in one request; `places` says where each stood in the whole. */
export type Batch = { readonly jobs: readonly JobCreate[]; readonly places: readonly number[] };

/** Jobs of one request where they do not name each other by key. */
export const BATCH_JOBS = 5_000;
/** What the server takes in one request. */
export const REQUEST_JOBS = 100_000;
/** Batches also end when about this many characters are in them, well under the server's limit of 64 MiB. */
const BATCH_CHARACTERS = 16 * 1024 * 1024;

/**
 * Splits jobs for creation. Jobs that name others by key stay together: all of them in one request up to 100,000
 * jobs, beyond that each group of linked jobs whole. Throws BAD_INPUT where one group alone is over 100,000.
 */
export function splitJobs(jobs: readonly JobCreate[], batchJobs = BATCH_JOBS): Batch[] {
  if (!jobs.some(namesKeys))
    return packGroups(
      jobs,
      jobs.map((_, place) => [place]),
      batchJobs,
    );
  if (jobs.length <= REQUEST_JOBS) return [{ jobs, places: [...jobs.keys()] }];
  return packGroups(jobs, linkedGroups(jobs), batchJobs);
}

/** The keys that a job names: parents and sources of its inputs. */
export function namedKeys(job: JobCreate): string[] {
  const parents = (job.parents ?? []).map((parent) => (typeof parent === "object" ? parent.job : parent));
  const sources = (job.inputs ?? []).map((input) => input.from);
  return [...parents, ...sources].filter((name) => typeof name === "string");
}

const namesKeys = (job: JobCreate): boolean => namedKeys(job).length > 0;

function packGroups(jobs: readonly JobCreate[], groups: Iterable<readonly number[]>, batchJobs: number): Batch[] {
  const batches: { jobs: JobCreate[]; places: number[] }[] = [];
  let characters = 0;
  for (const group of groups) {
    if (group.length > REQUEST_JOBS)
      throw new ConiferError("BAD_INPUT", {
        where: "jobs",
        problem: `${group.length} jobs are linked by keys, more than the ${REQUEST_JOBS} of one request; name parents by id and create them in several calls`,
      });
    const size = group.reduce((sum, place) => sum + roughSize(jobs[place]), 0);
    let batch = batches.at(-1);
    if (!batch || batch.jobs.length + group.length > batchJobs || characters + size > BATCH_CHARACTERS) {
      batch = { jobs: [], places: [] };
      batches.push(batch);
      characters = 0;
    }
    characters += size;
    for (const place of group) {
      const job = jobs[place];
      if (job) batch.jobs.push(job);
      batch.places.push(place);
    }
  }
  return batches;
}

/** Union-find over keys: places of jobs that are linked, in order of their first. */
function linkedGroups(jobs: readonly JobCreate[]): number[][] {
  const leader = jobs.map((_, place) => place);
  const find = (place: number): number => {
    let at = place;
    for (let up = leader[at] ?? at; up !== at; up = leader[at] ?? at) {
      leader[at] = leader[up] ?? up;
      at = leader[at] ?? at;
    }
    return at;
  };
  const placeOfKey = new Map<string, number>();
  for (const [place, job] of jobs.entries()) if (job.key !== undefined) placeOfKey.set(job.key, place);
  for (const [place, job] of jobs.entries()) {
    for (const key of namedKeys(job)) {
      const other = placeOfKey.get(key);
      if (other !== undefined) leader[find(other)] = find(place);
    }
  }
  const groups = new Map<number, number[]>();
  for (const place of jobs.keys()) {
    const root = find(place);
    const group = groups.get(root);
    if (group) group.push(place);
    else groups.set(root, [place]);
  }
  return [...groups.values()];
}

/** Characters of its long texts; the rest is too little to matter. */
function roughSize(job: JobCreate | undefined): number {
  let size = 200;
  for (const value of Object.values(job?.parameters ?? {})) if (typeof value === "string") size += value.length;
  return size;
}
