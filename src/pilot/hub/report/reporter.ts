/**
 * Sends a session's reports, one batch at a time. What ends is sent at once while little happens; under load the next
 * batch waits for the answer to the one before and then some times as long as that took, so that a busy server spends a
 * small part of its time on a pilot's reports, and nothing is ever held back for longer than a fraction of a second.
 * A batch keeps its number and its items until the server has answered it.
 */
import type { Report, ReportItem } from "../../../client/wire/sessions.ts";
import { isConiferError, messageOf } from "../../../model/errors.ts";
import type { Clock } from "../clock.ts";
import { backoffMs, isGone } from "../source/again.ts";
import type { Journal } from "./journal.ts";

export interface ReporterOptions<Answer> {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly random: () => number;
  /** Rejects with the server's error. */
  readonly send: (report: Report) => Promise<Answer>;
  readonly onAnswer: (answer: Answer) => void;
  /** The session is over: nothing more can be said under it. */
  readonly onGone: (error: Error) => void;
  readonly log: (message: string, about?: object) => void;
}

/** A start alone waits so long for its end, which most often is not far. */
const startsWaitMs = 20;
/** A batch costs a server 3.5 ms and each job in it 0.05 ms: where many come, they wait for company. */
const fewItems = 20;
const leastRestOfManyMs = 100;
const longestRestMs = 200;
const mostItems = 1000;

export class Reporter<Answer> {
  readonly #options: ReporterOptions<Answer>;
  #isSending = false;
  #isClosed = false;
  #isHurried = false;
  /** Consecutive failures. */
  #failures = 0;
  #hasEnd = false;
  #firstAt = 0;
  #notBefore = 0;
  #cancelTimer: (() => void) | null = null;
  #whenEmpty: (() => void)[] = [];

  constructor(options: ReporterOptions<Answer>) {
    this.#options = options;
    this.#hasEnd = options.journal.outbox.items.length > 0;
    this.#schedule();
  }

  /** Adds items, journaled before anything else happens. */
  add(items: readonly ReportItem[]): void {
    if (items.length === 0 || this.#isClosed) return;
    const { journal, clock } = this.#options;
    if (journal.outbox.items.length === journal.outbox.inBatch) {
      this.#firstAt = clock.elapsed();
      this.#hasEnd = false;
    }
    journal.add({ items });
    this.#hasEnd ||= items.some(({ state }) => state !== "RUNNING");
    this.#schedule();
  }

  /** Attempts whose end is not acknowledged yet, by job. */
  unacknowledgedEnds(): Map<number, number> {
    const ends = this.#options.journal.outbox.items.filter(({ state }) => state !== "RUNNING");
    return new Map(ends.map(({ job, attempt }) => [job, attempt]));
  }

  /** Sends without rests from now on; resolves when the server has everything. */
  async drain(): Promise<void> {
    this.#isHurried = true;
    this.#schedule();
    if (this.#options.journal.outbox.items.length === 0 || this.#isClosed) return;
    await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }

  /** Sends nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
    this.#settle();
  }

  #schedule(): void {
    const { journal, clock } = this.#options;
    if (this.#isSending || this.#isClosed || journal.outbox.items.length === 0) return;
    this.#cancelTimer?.();
    const now = clock.elapsed();
    const dueAt = this.#isHurried || this.#hasEnd || journal.outbox.inBatch > 0 ? now : this.#firstAt + startsWaitMs;
    const at = Math.max(dueAt, this.#notBefore);
    if (at <= now) void this.#send();
    else
      this.#cancelTimer = clock.after(at - now, () => {
        this.#cancelTimer = null;
        this.#schedule();
      });
  }

  async #send(): Promise<void> {
    const { journal, clock, send, onAnswer } = this.#options;
    const { outbox } = journal;
    this.#isSending = true;
    if (outbox.inBatch === 0)
      journal.add({ report: outbox.lastBatch + 1, count: Math.min(mostItems, outbox.items.length) });
    journal.flush();
    const sentAt = clock.elapsed();
    try {
      const sent = outbox.inBatch;
      const answer = await send({ batch: outbox.lastBatch, items: outbox.items.slice(0, sent) });
      this.#isSending = false;
      if (this.#isClosed) return;
      journal.add({ acked: outbox.lastBatch });
      this.#failures = 0;
      this.#firstAt = clock.elapsed();
      this.#hasEnd = outbox.items.some(({ state }) => state !== "RUNNING");
      const rest = this.#isHurried ? 0 : restMs(clock.elapsed() - sentAt, sent);
      this.#notBefore = clock.elapsed() + rest;
      onAnswer(answer);
    } catch (error) {
      this.#isSending = false;
      if (this.#isClosed) return;
      this.#failed(error);
    }
    if (outbox.items.length === 0) this.#settle();
    this.#schedule();
  }

  #failed(error: unknown): void {
    const { clock, random, onGone, log } = this.#options;
    const status = isConiferError(error) ? error.status : 0;
    if (isGone(error)) {
      this.close();
      onGone(error);
    } else if (status === 422 || status === 413 || status === 400) this.#refused(messageOf(error));
    else {
      this.#failures += 1;
      if (this.#failures === 1)
        log("a report did not reach the server; it is sent again", { problem: messageOf(error) });
      this.#notBefore = clock.elapsed() + backoffMs(this.#failures, random());
    }
  }

  /** One item that the server cannot take must not hold back the others: it is found by halving, then sent without its texts, then dropped. */
  #refused(problem: string): void {
    const { journal, log } = this.#options;
    const { outbox } = journal;
    const [item] = outbox.items;
    if (outbox.inBatch > 1) journal.add({ report: outbox.lastBatch, count: Math.ceil(outbox.inBatch / 2) });
    else if (item && (item.reason !== undefined || item.stderrTail !== undefined || item.node !== undefined)) {
      const { job, attempt, state, at, failure, exitCode } = item;
      outbox.items[0] = {
        ...{ job, attempt, state, at },
        ...(failure === undefined ? {} : { failure }),
        ...(exitCode === undefined ? {} : { exitCode }),
      };
    } else {
      log("the server refuses an item of a report; it is dropped", { item, problem });
      journal.add({ acked: outbox.lastBatch });
      // Its number was never used.
      outbox.lastBatch -= 1;
    }
  }

  #settle(): void {
    for (const resolve of this.#whenEmpty.splice(0)) resolve();
  }
}

function restMs(answerMs: number, items: number): number {
  const rest = items < fewItems ? 2 * answerMs : Math.max(leastRestOfManyMs, 5 * answerMs);
  return Math.min(longestRestMs, rest);
}
