/**
 * A batch scheduler of a cluster, driven through its commands. What it says and understands is a dialect's matter; here
 * is what is the same for all of them:
 *
 * - One question about all jobs at a time, at most every `minIntervalSec`; askers in between get the last answer. What
 *   was submitted since then is told as queued.
 * - A command that is missing, hangs, or answers with what does not read is SCHEDULER_SILENT, and the scheduler is left
 *   in peace for a while. Nothing is concluded from silence.
 * - A job's name carries owner and key, so a submit whose answer was lost is found again. As long as a lost submit may
 *   still arrive, its key is not submitted once more.
 * - A job that has left the queue is asked of the accounting; one that was cancelled from here and is nowhere any more
 *   has ended as cancelled (known-jobs.ts).
 */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ConiferError, isConiferError } from "../../../model/errors.ts";
import type {
  AllocationRequest,
  AllocationStatus,
  OwnAllocation,
  QueueView,
  Scheduler,
  SchedulerLimits,
  Submission,
} from "../scheduler.ts";
import { toLimits } from "./check-limits.ts";
import type { Run } from "./command.ts";
import type { Dialect, Question } from "./dialect.ts";
import { KnownJobs } from "./known-jobs.ts";
import { prepareScript, tryTemplate } from "./prepare-script.ts";
import type { BatchSettings } from "./settings.ts";
import { Silence } from "./silence.ts";

export type BatchSchedulerParts = {
  readonly dialect: Dialect<object>;
  readonly settings: BatchSettings;
  /**
   * Tells this caller's jobs from all others of the same user on this cluster, other sites' included: letters, digits, -
   * and _, at most 40. Jobs are named OWNER.KEY.
   */
  readonly owner: string;
  /** A directory of the caller's own that outlives it: Cobalt leaves there how its jobs ended. */
  readonly directory: string;
  /** Login name that the jobs belong to. */
  readonly user: string;
  readonly run: Run;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Told of what is wrong and stops nothing: a cancel that was not allowed, limits that could not be learned. */
  readonly onTrouble?: (problem: string) => void;
};

/** A submit whose answer was lost may still arrive for so long. */
const DOUBTFUL_MS = 120_000;
const QUEUES_KEPT_MS = 60_000;

export class BatchScheduler implements Scheduler {
  readonly kind: string;
  readonly #parts: BatchSchedulerParts;
  readonly #now: () => number;
  readonly #silence: Silence;
  /** Apart, so that a scheduler that does not tell of its queues still runs jobs. */
  readonly #queuesSilence: Silence;
  readonly #jobs: KnownJobs;
  readonly #doubtful = new Map<string, number>();
  #queues: { readonly at: number; readonly views: readonly QueueView[] } | null = null;

  constructor(parts: BatchSchedulerParts) {
    if (!/^[A-Za-z][A-Za-z0-9_-]{0,39}$/.test(parts.owner)) {
      const problem = `${JSON.stringify(parts.owner)} is no name for jobs`;
      throw new ConiferError("BAD_INPUT", { where: "owner", problem });
    }
    this.kind = parts.dialect.kind;
    this.#parts = parts;
    this.#now = parts.now ?? Date.now;
    this.#silence = new Silence(this.#now);
    this.#queuesSilence = new Silence(this.#now);
    this.#jobs = new KnownJobs({
      dialect: parts.dialect,
      question: (ids) => this.#question(ids),
      minIntervalSec: parts.settings.minIntervalSec,
      silence: this.#silence,
      now: this.#now,
      tell: this.#tell,
    });
  }

  async submit(request: AllocationRequest): Promise<Submission> {
    const { dialect, settings, run, directory: logDirectory } = this.#parts;
    const jobName = this.#jobName(request.key);
    const prepared = await prepareScript(request, { dialect, settings, jobName, queues: await this.#learnedQueues() });
    if ("refusal" in prepared) return { kind: "refused", reason: prepared.refusal };
    if (this.#isDoubtful(request.key)) {
      const id = (await this.find([request.key])).get(request.key);
      if (id !== undefined) return { kind: "submitted", id };
      return { kind: "later", reason: "an earlier submit of it was not answered and may still arrive" };
    }
    const script = join(dirname(request.output), "batch.sh");
    if (dialect.keepsLogs) await mkdir(logDirectory, { recursive: true });
    await writeFile(script, prepared.text, { mode: 0o700 });
    await chmod(script, 0o700);
    const command = dialect.submit({ request, jobName, script, text: prepared.text, logDirectory });
    try {
      const submission = await this.#silence.keep(async () => dialect.readSubmit(await run(command)));
      if (submission.kind === "submitted") this.#jobs.submitted(submission.id, jobName);
      return submission;
    } catch (error) {
      if (isConiferError(error) && error.code === "SCHEDULER_SILENT" && error.values.neverRan !== true) {
        this.#doubtful.set(request.key, this.#now());
        this.#jobs.forgetAnswer();
      }
      throw error;
    }
  }

  async find(keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (keys.length === 0) return new Map();
    const byName = new Map((await this.#jobs.list()).map(({ id, name }) => [name, id]));
    const names = keys.map((key) => this.#jobName(key)).filter((name) => !byName.has(name));
    const { historyOfNames } = this.#parts.dialect;
    if (names.length > 0 && historyOfNames !== null) {
      // Accounting that is away must not hold up what was never submitted before.
      const found = await historyOfNames({ ...this.#question([]), names }).catch(this.#tell);
      for (const { name, id } of found) byName.set(name, id);
    }
    return new Map(
      keys.flatMap((key) => {
        const id = byName.get(this.#jobName(key));
        return id === undefined ? [] : [[key, id] as const];
      }),
    );
  }

  /** Accounts that the user may charge; null where that cannot be told. */
  async projects(): Promise<readonly string[] | null> {
    return (await this.#parts.dialect.projects?.(this.#question([]))) ?? null;
  }

  async own(): Promise<readonly OwnAllocation[]> {
    const prefix = `${this.#parts.owner}.`;
    return (await this.#jobs.list()).flatMap(({ id, name, status }) =>
      name.startsWith(prefix) && status.state !== "ended" ? { id, key: name.slice(prefix.length) } : [],
    );
  }

  async status(ids: readonly string[]): Promise<ReadonlyMap<string, AllocationStatus>> {
    return ids.length === 0 ? new Map() : this.#jobs.status(ids);
  }

  async cancel(ids: readonly string[]): Promise<void> {
    const { dialect, run, onTrouble } = this.#parts;
    if (ids.length === 0) return;
    for (const command of dialect.cancel(ids)) {
      const problem = await this.#silence.keep(async () => dialect.readCancel(await run(command)));
      if (problem !== null) onTrouble?.(`${command.argv.join(" ")}: ${problem}`);
    }
    this.#jobs.cancelled(ids);
  }

  async limits(queue?: string): Promise<SchedulerLimits> {
    return toLimits(await this.#learnedQueues(), this.#parts.settings, queue ?? "");
  }

  async queues(): Promise<readonly QueueView[]> {
    if (this.#queues !== null && this.#now() - this.#queues.at < QUEUES_KEPT_MS) return this.#queues.views;
    const views = await this.#queuesSilence.keep(() => this.#parts.dialect.queues(this.#question([])));
    this.#queues = { at: this.#now(), views };
    return views;
  }

  /** Fills the site's template in for an imaginary request; throws BAD_SCRIPT_TEMPLATE or BAD_INPUT where that fails. */
  async checkTemplate(): Promise<void> {
    await tryTemplate(this.#parts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#jobs.settle();
  }

  readonly #tell = (error: unknown): readonly never[] => {
    if (!isConiferError(error)) throw error;
    if (error.values.isRepeated !== true) this.#parts.onTrouble?.(error.message);
    return [];
  };

  /** Limits hold nobody up: what cannot be learned is not known. */
  async #learnedQueues(): Promise<readonly QueueView[]> {
    try {
      return await this.queues();
    } catch (error) {
      this.#tell(error);
      return this.#queues?.views ?? [];
    }
  }

  #isDoubtful(key: string): boolean {
    const since = this.#doubtful.get(key);
    if (since === undefined) return false;
    if (this.#now() - since < DOUBTFUL_MS) return true;
    this.#doubtful.delete(key);
    return false;
  }

  #question(ids: readonly string[]): Question {
    const { run, user, directory, owner } = this.#parts;
    return { run, user, ids, logDirectory: directory, namePrefix: `${owner}.` };
  }

  #jobName(key: string): string {
    if (/^[A-Za-z0-9_-]{1,40}$/.test(key)) return `${this.#parts.owner}.${key}`;
    const problem = `${JSON.stringify(key)} cannot be in a job's name`;
    throw new ConiferError("BAD_INPUT", { where: "key", problem });
  }
}
