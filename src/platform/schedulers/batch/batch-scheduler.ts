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
 * - A job that has left the queue is asked of the accounting. One that was cancelled from here and is nowhere any more
 *   has ended as cancelled.
 */
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { quote } from "../../../app/quote.ts";
import { ConiferError, isConiferError, messageOf } from "../../../model/errors.ts";
import type {
  AllocationRequest,
  AllocationStatus,
  OwnAllocation,
  QueueView,
  Scheduler,
  SchedulerLimits,
  Submission,
} from "../scheduler.ts";
import { overLimits, toLimits } from "./check-limits.ts";
import type { Run } from "./command.ts";
import type { Dialect, JobRecord, Question } from "./dialect.ts";
import { exportLines, renderScript, type ScriptTemplate, shellCommand } from "./render-script.ts";
import { type RequestOptions, readOptions } from "./request-options.ts";
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
/** A job that was just submitted need not be in the scheduler's list at once. */
const FRESH_MS = 30_000;
const QUEUES_KEPT_MS = 60_000;

type Snapshot = {
  readonly at: number;
  readonly asked: ReadonlySet<string>;
  readonly jobs: ReadonlyMap<string, JobRecord>;
};

export class BatchScheduler implements Scheduler {
  readonly kind: string;
  readonly #parts: BatchSchedulerParts;
  readonly #now: () => number;
  readonly #silence: Silence;
  /** Apart, so that a scheduler that does not tell of its queues still runs jobs. */
  readonly #queuesSilence: Silence;
  /** Apart, because the accounting is often another program on another machine. */
  readonly #historySilence: Silence;
  #snapshot: Snapshot | null = null;
  #looking: Promise<Snapshot> | null = null;
  /** Submitted from here and not seen in a snapshot yet, by id. */
  readonly #fresh = new Map<string, JobRecord & { readonly at: number }>();
  readonly #doubtful = new Map<string, number>();
  readonly #cancelled = new Set<string>();
  readonly #ended = new Map<string, JobRecord>();
  readonly #historyAsked = new Map<string, number>();
  #queues: { readonly at: number; readonly views: readonly QueueView[] } | null = null;

  constructor(parts: BatchSchedulerParts) {
    if (!/^[A-Za-z][A-Za-z0-9_-]{0,39}$/.test(parts.owner))
      throw new ConiferError("BAD_INPUT", {
        where: "owner",
        problem: `${JSON.stringify(parts.owner)} is no name for jobs`,
      });
    this.kind = parts.dialect.kind;
    this.#parts = parts;
    this.#now = parts.now ?? Date.now;
    this.#silence = new Silence(this.#now);
    this.#queuesSilence = new Silence(this.#now);
    this.#historySilence = new Silence(this.#now);
  }

  async submit(request: AllocationRequest): Promise<Submission> {
    const { dialect, directory: logDirectory } = this.#parts;
    const prepared = await this.#prepare(request);
    if ("refusal" in prepared) return { kind: "refused", reason: prepared.refusal };
    if (this.#isDoubtful(request.key)) {
      const found = await this.find([request.key]);
      const id = found.get(request.key);
      if (id !== undefined) return { kind: "submitted", id };
      return { kind: "later", reason: "an earlier submit of it was not answered and may still arrive" };
    }
    const jobName = this.#jobName(request.key);
    const script = join(dirname(request.output), "batch.sh");
    if (dialect.keepsLogs) await mkdir(logDirectory, { recursive: true });
    await writeFile(script, prepared.text, { mode: 0o700 });
    await chmod(script, 0o700);
    try {
      const submission = await this.#silence.keep(async () =>
        dialect.readSubmit(
          await this.#parts.run(dialect.submit({ request, jobName, script, text: prepared.text, logDirectory })),
        ),
      );
      if (submission.kind === "submitted") {
        const status = { state: "queued", reason: "it was just submitted" } as const;
        this.#fresh.set(submission.id, { id: submission.id, name: jobName, status, at: this.#now() });
      }
      return submission;
    } catch (error) {
      if (isConiferError(error) && error.code === "SCHEDULER_SILENT" && error.values.neverRan !== true) {
        this.#doubtful.set(request.key, this.#now());
        this.#snapshot = null;
      }
      throw error;
    }
  }

  async find(keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (keys.length === 0) return new Map();
    const { jobs } = await this.#look([]);
    const byName = new Map([...jobs.values(), ...this.#fresh.values()].map(({ id, name }) => [name, id]));
    const missing = keys.filter((key) => !byName.has(this.#jobName(key)));
    const { historyOfNames } = this.#parts.dialect;
    if (missing.length > 0 && historyOfNames !== null) {
      const names = missing.map((key) => this.#jobName(key));
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

  async own(): Promise<readonly OwnAllocation[]> {
    const { jobs } = await this.#look([]);
    const prefix = `${this.#parts.owner}.`;
    return [...jobs.values(), ...this.#fresh.values()].flatMap(({ id, name, status }) =>
      name.startsWith(prefix) && status.state !== "ended" ? { id, key: name.slice(prefix.length) } : [],
    );
  }

  async status(ids: readonly string[]): Promise<ReadonlyMap<string, AllocationStatus>> {
    if (ids.length === 0) return new Map();
    const { at, jobs } = await this.#look(ids);
    const missing = ids.filter((id) => !jobs.has(id) && !this.#fresh.has(id) && !this.#ended.has(id));
    const untold = await this.#askHistory(missing, at);
    return new Map(
      ids.flatMap((id) => {
        const known = jobs.get(id) ?? this.#fresh.get(id) ?? this.#ended.get(id);
        const isCancelled = this.#cancelled.has(id);
        if (known === undefined && untold !== null) return [[id, { state: "unknown", reason: untold }] as const];
        if (known === undefined) return isCancelled ? [[id, CANCELLED] as const] : [];
        return [[id, isCancelled ? asCancelled(known.status) : known.status] as const];
      }),
    );
  }

  async cancel(ids: readonly string[]): Promise<void> {
    const { dialect, run } = this.#parts;
    if (ids.length === 0) return;
    for (const command of dialect.cancel(ids)) {
      const problem = await this.#silence.keep(async () => dialect.readCancel(await run(command)));
      if (problem !== null) this.#parts.onTrouble?.(`${command.argv.join(" ")}: ${problem}`);
    }
    for (const id of ids) this.#cancelled.add(id);
  }

  async limits(queue?: string): Promise<SchedulerLimits> {
    const views = await this.#learnedQueues();
    return toLimits(views, this.#parts.settings, queue ?? "");
  }

  async queues(): Promise<readonly QueueView[]> {
    if (this.#queues !== null && this.#now() - this.#queues.at < QUEUES_KEPT_MS) return this.#queues.views;
    const views = await this.#queuesSilence.keep(() => this.#parts.dialect.queues(this.#question([])));
    this.#queues = { at: this.#now(), views };
    return views;
  }

  /** Reads the site's template and fills it in for an imaginary request; throws BAD_SCRIPT_TEMPLATE or BAD_INPUT. */
  async checkTemplate(): Promise<void> {
    const request: AllocationRequest = {
      key: "0",
      name: "check",
      command: ["true"],
      environment: {},
      directory: "/",
      output: "/batch.out",
      nodes: 1,
      wallTimeMin: 10,
      queue: "",
      project: "",
      options: {},
    };
    const read = readOptions(request, this.#parts.settings, this.#parts.dialect);
    if (typeof read === "string") throw new ConiferError("BAD_INPUT", { where: "scheduler.options", problem: read });
    renderScript(await this.#template(), this.#variables(request, read));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking?.catch(() => undefined);
  }

  async #prepare(request: AllocationRequest): Promise<{ readonly text: string } | { readonly refusal: string }> {
    const { dialect, settings } = this.#parts;
    const odd = dialect.refusesPath(request.output) ?? dialect.refusesPath(request.directory);
    if (odd !== null) return { refusal: odd };
    const read = readOptions(request, settings, dialect);
    if (typeof read === "string") return { refusal: read };
    const refusal = overLimits(request, await this.#learnedQueues(), settings);
    if (refusal !== null) return { refusal };
    try {
      return { text: renderScript(await this.#template(), this.#variables(request, read)) };
    } catch (error) {
      if (isConiferError(error) && error.code !== "INTERNAL") return { refusal: error.message };
      throw error;
    }
  }

  #variables(request: AllocationRequest, { options, parameters }: RequestOptions) {
    const { settings, dialect } = this.#parts;
    const withDefaults: AllocationRequest = {
      ...request,
      queue: request.queue === "" ? settings.queue : request.queue,
      project: request.project === "" ? settings.project : request.project,
    };
    return {
      ...options,
      parameters,
      key: request.key,
      name: this.#jobName(request.key),
      nodes: request.nodes,
      wallTimeMin: request.wallTimeMin,
      queue: withDefaults.queue,
      project: withDefaults.project,
      extra: settings.extra,
      preamble: settings.preamble.trimEnd(),
      directory: quote(request.directory),
      output: quote(request.output),
      environment: exportLines(request.environment),
      command: shellCommand(request.command),
      ...dialect.variables(withDefaults, options),
    };
  }

  async #template(): Promise<ScriptTemplate> {
    const { settings, dialect } = this.#parts;
    if (settings.template === null) return { file: `the built-in ${dialect.kind} template`, text: dialect.template };
    try {
      return { file: settings.template, text: await readFile(settings.template, "utf8") };
    } catch (cause) {
      throw new ConiferError(
        "BAD_SCRIPT_TEMPLATE",
        { file: settings.template, line: 1, problem: `it cannot be read: ${messageOf(cause)}` },
        { cause },
      );
    }
  }

  /** The last answer where it is recent enough and tells of these ids, else a new one; one question at a time. */
  async #look(ids: readonly string[]): Promise<Snapshot> {
    await this.#looking?.catch(() => undefined);
    const kept = this.#snapshot;
    if (kept !== null && this.#now() - kept.at < this.#parts.settings.minIntervalSec * 1000) {
      const isTold = (id: string) => kept.asked.has(id) || kept.jobs.has(id) || this.#fresh.has(id);
      if (!this.#parts.dialect.looksById || ids.every(isTold)) return kept;
    }
    this.#looking ??= this.#lookNow(ids).finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #lookNow(ids: readonly string[]): Promise<Snapshot> {
    const at = this.#now();
    const asked = new Set([...ids, ...this.#fresh.keys()]);
    const records = await this.#silence.keep(() => this.#parts.dialect.look(this.#question([...asked])));
    const jobs = new Map(records.map((record) => [record.id, record]));
    for (const [id, record] of this.#fresh) if (jobs.has(id) || at - record.at > FRESH_MS) this.#fresh.delete(id);
    this.#snapshot = { at, asked, jobs };
    return this.#snapshot;
  }

  /**
   * Asks the accounting once per look for each job that has left the queue. Where it does not answer, why: a job that
   * only the accounting could tell of is then unknown, and all others go on.
   */
  async #askHistory(ids: readonly string[], at: number): Promise<string | null> {
    const { history } = this.#parts.dialect;
    const due = ids.filter((id) => this.#historyAsked.get(id) !== at);
    if (due.length === 0 || history === null) return null;
    try {
      for (const record of await this.#historySilence.keep(() => history(this.#question(due))))
        if (record.status.state === "ended") this.#ended.set(record.id, record);
    } catch (error) {
      this.#tell(error);
      return messageOf(error);
    }
    for (const id of due) this.#historyAsked.set(id, at);
    return null;
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
    const { run, user, directory } = this.#parts;
    return { run, user, ids, logDirectory: directory };
  }

  #jobName(key: string): string {
    if (!/^[A-Za-z0-9_-]{1,40}$/.test(key))
      throw new ConiferError("BAD_INPUT", {
        where: "key",
        problem: `${JSON.stringify(key)} cannot be in a job's name`,
      });
    return `${this.#parts.owner}.${key}`;
  }
}

const CANCELLED = {
  state: "ended",
  outcome: "cancelled",
  reason: "it was cancelled",
  startedAt: null,
  endedAt: null,
} as const;

/** Some schedulers tell a job that was cancelled while it ran as one that a signal ended. */
function asCancelled(status: AllocationStatus): AllocationStatus {
  if (status.state !== "ended" || status.outcome !== "failed") return status;
  return { ...status, outcome: "cancelled", reason: `${CANCELLED.reason} (${status.reason})` };
}
