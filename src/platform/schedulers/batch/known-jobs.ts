import { messageOf } from "../../../model/errors.ts";
import type { AllocationStatus } from "../scheduler.ts";
import type { Dialect, JobRecord, Question } from "./dialect.ts";
import { Silence } from "./silence.ts";

export type KnownJobsParts = {
  readonly dialect: Pick<Dialect<object>, "look" | "looksById" | "history">;
  readonly question: (ids: readonly string[]) => Question;
  readonly minIntervalSec: number;
  readonly silence: Silence;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Told what went wrong and stops nothing; throws on what it is not meant for. */
  readonly tell: (error: unknown) => void;
};

/** A job that was just submitted need not be in the scheduler's list at once. */
const FRESH_MS = 30_000;

type Snapshot = {
  readonly at: number;
  readonly asked: ReadonlySet<string>;
  readonly jobs: ReadonlyMap<string, JobRecord>;
};

/**
 * What is known of jobs: the scheduler's last answer about all of them, what was submitted since, what the accounting
 * told, what was cancelled from here. A job is gone only where two answers in a row did not hold it.
 */
export class KnownJobs {
  readonly #parts: KnownJobsParts;
  /** Apart, because the accounting is often another program on another machine. */
  readonly #historySilence: Silence;
  #snapshot: Snapshot | null = null;
  #looking: Promise<Snapshot> | null = null;
  /** Submitted from here and not seen in a snapshot yet, by id. */
  readonly #fresh = new Map<string, JobRecord & { readonly at: number }>();
  readonly #cancelled = new Set<string>();
  readonly #ended = new Map<string, JobRecord>();
  /** In which snapshot a job was first missed, and for which one its history was asked. */
  readonly #missed = new Map<string, { readonly firstAt: number; historyAt: number }>();

  constructor(parts: KnownJobsParts) {
    this.#parts = parts;
    this.#historySilence = new Silence(parts.now);
  }

  submitted(id: string, name: string): void {
    const status = { state: "queued", reason: "it was just submitted" } as const;
    this.#fresh.set(id, { id, name, status, at: this.#parts.now() });
  }

  cancelled(ids: readonly string[]): void {
    for (const id of ids) this.#cancelled.add(id);
  }

  /** The next question is asked anew. */
  forgetAnswer(): void {
    this.#snapshot = null;
  }

  /** Jobs that the last answer holds, and those submitted since. */
  async list(): Promise<readonly JobRecord[]> {
    const { jobs } = await this.#look([]);
    return [...[...this.#fresh.values()].filter(({ id }) => !jobs.has(id)), ...jobs.values()];
  }

  /** Jobs that nobody knows of any more are left out. */
  async status(ids: readonly string[]): Promise<Map<string, AllocationStatus>> {
    const { at, jobs } = await this.#look(ids);
    const missing = ids.filter((id) => !jobs.has(id) && !this.#fresh.has(id) && !this.#ended.has(id));
    const untold = await this.#askHistory(missing, at);
    return new Map(
      ids.flatMap((id) => {
        const known = jobs.get(id) ?? this.#fresh.get(id) ?? this.#ended.get(id);
        const status = known === undefined ? this.#withoutRecord(id, { at, untold }) : this.#withRecord(known);
        return status === null ? [] : [[id, status] as const];
      }),
    );
  }

  /** Waits for a question under way. */
  async settle(): Promise<void> {
    await this.#looking?.catch(() => undefined);
  }

  #withRecord({ id, status }: JobRecord): AllocationStatus {
    this.#missed.delete(id);
    return this.#cancelled.has(id) ? asCancelled(status) : status;
  }

  #withoutRecord(id: string, { at, untold }: { readonly at: number; readonly untold: string | null }) {
    if (untold !== null) return { state: "unknown", reason: untold } as const;
    if (this.#cancelled.has(id)) return CANCELLED;
    const isFirst = (this.#missed.get(id)?.firstAt ?? at) === at;
    return isFirst ? ({ state: "unknown", reason: "the scheduler's last answer does not hold it" } as const) : null;
  }

  /** The last answer where it is recent enough and tells of these ids, else a new one; one question at a time. */
  async #look(ids: readonly string[]): Promise<Snapshot> {
    await this.settle();
    const { now, minIntervalSec, dialect } = this.#parts;
    const kept = this.#snapshot;
    if (kept !== null && now() - kept.at < minIntervalSec * 1000) {
      const isTold = (id: string) => kept.asked.has(id) || kept.jobs.has(id) || this.#fresh.has(id);
      if (!dialect.looksById || ids.every(isTold)) return kept;
    }
    this.#looking ??= this.#lookNow(ids).finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #lookNow(ids: readonly string[]): Promise<Snapshot> {
    const { now, silence, dialect, question } = this.#parts;
    const at = now();
    const asked = new Set([...ids, ...this.#fresh.keys()]);
    const records = await silence.keep(() => dialect.look(question([...asked])));
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
    const { dialect, question, tell } = this.#parts;
    const { history } = dialect;
    const due: string[] = [];
    for (const id of ids) {
      const missed = this.#missed.get(id) ?? { firstAt: at, historyAt: Number.NaN };
      this.#missed.set(id, missed);
      if (missed.historyAt !== at) due.push(id);
    }
    if (due.length === 0 || history === null) return null;
    try {
      for (const record of await this.#historySilence.keep(() => history(question(due))))
        if (record.status.state === "ended") this.#ended.set(record.id, record);
    } catch (error) {
      tell(error);
      return messageOf(error);
    }
    for (const id of due) this.#missed.set(id, { firstAt: this.#missed.get(id)?.firstAt ?? at, historyAt: at });
    return null;
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
