import { ConiferError } from "../../model/errors.ts";
import type { Progress } from "../wait/progress.ts";
import { type WaitOptions, waitForParts } from "../wait/wait.ts";
import type { Job, JobChange } from "../wire/entities.ts";
import type { BodyInput, QueryInput } from "../wire/operations.ts";
import { conditionFilters, type JobConditions } from "./conditions.ts";
import { type Changed, type LoadedJob, loadedJob, type Shared } from "./handle.ts";

const PAGE = 1000;
type Choice = { readonly where: readonly string[]; readonly order: string | null; readonly most: number };

/**
 * Jobs by what they are. A query is a value: `filter`, `order` and `limit` answer a new one, and nothing is asked of
 * the server until it is iterated, counted or acted on. Actions on a query that has no filter are refused.
 */
export class JobQuery implements AsyncIterable<LoadedJob> {
  readonly #shared: Shared;
  readonly #choice: Choice;

  constructor(shared: Shared, choice: Choice = { where: [], order: null, most: Number.POSITIVE_INFINITY }) {
    this.#shared = shared;
    this.#choice = choice;
  }

  /** Only jobs for which all of these hold too: filter texts (`"state=FAILED"`) or conditions. */
  filter(...conditions: readonly (string | JobConditions)[]): JobQuery {
    const more = conditions.flatMap((one) => (typeof one === "string" ? [one] : conditionFilters(one)));
    return new JobQuery(this.#shared, { ...this.#choice, where: [...this.#choice.where, ...more] });
  }

  /** Orders by fields, `-` for descending: `"-priority,id"`. Default id. */
  order(fields: string): JobQuery {
    return new JobQuery(this.#shared, { ...this.#choice, order: fields });
  }

  /** At most so many. */
  limit(most: number): JobQuery {
    return new JobQuery(this.#shared, { ...this.#choice, most: Math.min(most, this.#choice.most) });
  }

  /** All jobs of the query, page by page. */
  async *[Symbol.asyncIterator](): AsyncGenerator<LoadedJob, void> {
    for await (const page of this.#pages()) for (const job of page) yield loadedJob(job, this.#shared);
  }

  /** All jobs of the query in one array. */
  async all(): Promise<LoadedJob[]> {
    const jobs: LoadedJob[] = [];
    for await (const job of this) jobs.push(job);
    return jobs;
  }

  /** The first job, or null. */
  async first(): Promise<LoadedJob | null> {
    const [job = null] = await this.limit(1).all();
    return job;
  }

  /** The ids of all jobs of the query. */
  async ids(): Promise<number[]> {
    const ids: number[] = [];
    for await (const page of this.#pages()) for (const job of page) ids.push(job.id);
    return ids;
  }

  /** How many jobs match (a limit counts too). */
  async count(): Promise<number> {
    const { total } = await this.#shared.client.call("jobCounts", { query: { where: [...this.#choice.where] } });
    return Math.min(total, this.#choice.most);
  }

  /** How many jobs match, by a field; without regard to a limit. */
  async counts(by: NonNullable<QueryInput<"jobCounts">["by"]> = "state"): Promise<Map<string, number>> {
    const query = { where: [...this.#choice.where], by };
    const { counts } = await this.#shared.client.call("jobCounts", { query });
    return new Map(counts.map(({ key, count }) => [key, count]));
  }

  /** Changes fields of all jobs of the query. */
  async update(set: JobChange): Promise<Changed> {
    const selection = await this.#selection("update");
    return selection === null ? NOTHING : this.#shared.client.call("jobUpdate", { body: { ...selection, set } });
  }

  /** Ends all jobs of the query; with `recursive` their descendants too. */
  async kill(options: Omit<BodyInput<"jobKill">, "ids" | "where"> = {}): Promise<Changed> {
    const selection = await this.#selection("kill");
    return selection === null ? NOTHING : this.#shared.client.call("jobKill", { body: { ...selection, ...options } });
  }

  /** Runs the ended jobs of the query again. */
  async retry(): Promise<Changed> {
    const selection = await this.#selection("retry");
    return selection === null ? NOTHING : this.#shared.client.call("jobRetry", { body: selection });
  }

  /** Deletes all jobs of the query that do not run. */
  async delete(): Promise<Changed> {
    const selection = await this.#selection("delete");
    return selection === null ? NOTHING : this.#shared.client.call("jobDelete", { body: selection });
  }

  /** Waits until all jobs of the query have ended, those that join meanwhile too. */
  async wait(options: WaitOptions = {}): Promise<Progress> {
    return waitForParts(this.#shared.client, [{ where: this.#choice.where, ids: null }], options);
  }

  async *#pages(): AsyncGenerator<readonly Job[], void> {
    const { where, order, most } = this.#choice;
    let left = most;
    for (let after: string | null | undefined; after !== null && left > 0; ) {
      const page = await this.#shared.client.call("jobList", {
        query: {
          where: [...where],
          limit: Math.min(PAGE, left),
          ...(order === null ? {} : { order }),
          ...(after === undefined ? {} : { after }),
        },
      });
      yield page.items;
      left -= page.items.length;
      after = page.next;
    }
  }

  /** What an action is done to: the filters, or (with a limit) the ids; null = no job at all. */
  async #selection(action: string): Promise<{ where: string[] } | { ids: number[] } | null> {
    const { where, most } = this.#choice;
    if (where.length === 0)
      throw new ConiferError("BAD_INPUT", {
        where: `jobs.${action}`,
        problem: 'no filter was given; say filter("id>0") where all jobs are meant',
      });
    if (most === Number.POSITIVE_INFINITY) return { where: [...where] };
    const ids = await this.ids();
    return ids.length === 0 ? null : { ids };
  }
}

const NOTHING: Changed = { matched: 0, changed: 0, left: [] };
