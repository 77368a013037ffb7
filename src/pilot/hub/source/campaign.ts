/**
 * The campaign's source of tasks: sessions with the server, one after another. What the server offers is put into the
 * hub, and what becomes of it goes into reports.
 *
 * A session that the server ended takes everything with it: its jobs may run elsewhere from then on, so they are
 * ended here without a word, and the next session begins when nothing of them runs any more. A server that does not answer takes
 * nothing: tasks run on and their reports wait in the journal, until the lease is about to end; then they are ended, too,
 * and if the server comes back in time it hears how.
 */
import type { Client } from "../../../client/client.ts";
import type { App } from "../../../client/wire/entities.ts";
import type { AnswerOf } from "../../../client/wire/operations.ts";
import type { Commands, Offer, SessionCreate } from "../../../client/wire/sessions.ts";
import { messageOf } from "../../../model/errors.ts";
import { type Clock, pause } from "../clock.ts";
import type { Hub, HubEvents, TaskOutcome } from "../hub.ts";
import { endItems, runningItem } from "../report/items.ts";
import type { Journal } from "../report/journal.ts";
import { Reporter } from "../report/reporter.ts";
import type { HubTask, TaskPlace } from "../task.ts";
import { backoffMs, mayWorkLater } from "./again.ts";
import { endTasksAfterMs } from "./lease.ts";
import { createPace, fillsAhead, noteContention, noteEnd } from "./pace.ts";
import { planAcquire, type Wish } from "./plan-acquire.ts";
import { ServerSession } from "./session.ts";

export interface CampaignOptions {
  readonly client: Pick<Client, "call" | "stream">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly journal: Journal;
  readonly log: (level: "info" | "warn" | "error", message: string, about?: object) => void;
  readonly tags: Readonly<Record<string, string>>;
  readonly apps: readonly string[];
  readonly graceSec: number;
  /** When everything must be over, on `elapsed`; null = no end. */
  readonly endsAt: number | null;
  /** Makes tasks of what the server offers. */
  readonly toTasks: (offers: readonly { readonly offer: Offer; readonly app: App }[]) => Promise<readonly HubTask[]>;
  /** An attempt has ended, or will never run here. */
  readonly onOver: (task: HubTask) => void;
  /** The pilot is to finish and leave. */
  readonly onRetire: (reason: string) => void;
  /** How long the source may wait for a first job, seconds. */
  readonly waitSec: () => number;
}

/** A wide job that was handed back would come again at once. */
const noWideForMs = 60_000;

/**
 * A scheduler that ends an allocation signals every process in it, so tasks may be seen to die of SIGTERM a moment before the
 * pilot hears it: so long they are not told to have failed by themselves.
 */
const doubtMs = 2000;

export class CampaignSource implements HubEvents {
  readonly #options: CampaignOptions;
  readonly #pace = createPace();
  readonly #stop = new AbortController();
  #hub: Hub | null = null;
  #session: ServerSession | null = null;
  #reporter: Reporter<AnswerOf<"sessionReport">> | null = null;
  #request: SessionCreate | null = null;
  #isCutOff = false;
  #noWideUntil = 0;
  #whenNothingRuns: (() => void)[] = [];
  /** Jobs that came again while their last attempt is still being ended here. */
  readonly #parked = new Map<number, HubTask>();
  /** Tasks whose ends may turn out to be the allocation's. */
  readonly #doubts = new Map<number, { readonly attempt: number; readonly settle: (isOver: boolean) => void }>();
  readonly counts = { taken: 0, done: 0, failed: 0, givenBack: 0 };

  constructor(options: CampaignOptions) {
    this.#options = options;
  }

  /** Begins: the first session, then taking jobs. Throws the server's error where it refuses. */
  async open(hub: Hub, request: SessionCreate): Promise<void> {
    this.#hub = hub;
    this.#request = request;
    await this.#openSession();
  }

  /** What must be looked at from time to time; call it about once a second. */
  tick(): void {
    const { clock, graceSec, log } = this.#options;
    const session = this.#session;
    const hub = this.#hub;
    if (!session || !hub || this.#stop.signal.aborted) return;
    const isLate = this.#isLeaseEnding();
    if (isLate && !this.#isCutOff) {
      const silentSec = Math.round(session.sinceRenewalMs / 1000);
      log("error", "the server cannot be reached and the lease is about to end: ending all tasks", { silentSec });
      this.#isCutOff = true;
      hub.pause();
      hub.endAll("allocation-end", graceSec);
    } else if (!isLate && this.#isCutOff) {
      log("info", "the server is back before the lease ended");
      this.#isCutOff = false;
      hub.resume();
      session.changed();
    }
    const room = hub.room();
    const enough = (fillsAhead(this.#pace, clock.elapsed()) + 1) * room.capacity.cores;
    if (room.waiting.cores > 4 * enough)
      this.#giveBack(Math.floor(room.waiting.tasks * (1 - (2 * enough) / room.waiting.cores)));
    // A wish that stands for a moment is not made anew at every change.
    session.changed();
  }

  /** Takes no more jobs and gives back those that have not started. */
  stopTaking(): void {
    this.#stop.abort();
    for (const { settle } of this.#doubts.values()) settle(true);
    this.#session?.stopAcquiring();
    this.#giveBack(Number.MAX_SAFE_INTEGER);
  }

  /** Tells the server what it does not know yet and ends the session, as far as the time goes. */
  async finish(reason: string, withinMs: number): Promise<void> {
    const { clock, log } = this.#options;
    const session = this.#session;
    if (!session || session.isOver) return;
    const late = new AbortController();
    const cancel = clock.after(withinMs, () => late.abort());
    const isLate = new Promise<"late">((resolve) => late.signal.addEventListener("abort", () => resolve("late")));
    const finished = (async () => {
      await this.#reporter?.drain();
      await session.call((client) =>
        client.call("sessionEnd", { params: { id: session.id }, query: { reason }, timeoutSec: 10, retry: true }),
      );
    })().catch((error: unknown) => log("warn", "the session could not be ended", { problem: messageOf(error) }));
    if ((await Promise.race([finished, isLate])) === "late")
      log("warn", "the server did not hear everything; it is in the journal", { withinMs });
    cancel();
    this.#reporter?.close();
    session.close();
  }

  get sessionId(): number | null {
    return this.#session?.id ?? null;
  }

  mayStart(): boolean {
    return this.#session !== null && !this.#isLeaseEnding();
  }

  starting(tasks: readonly HubTask[]): void {
    const at = this.#options.clock.now();
    const { journal } = this.#options;
    journal.add({ start: tasks.map(({ id, attempt }) => [id, attempt, at] as const) });
    journal.flush();
  }

  started(task: HubTask, { at, places }: { readonly at: number; readonly places: readonly TaskPlace[] }): void {
    this.#reporter?.add([runningItem(task, at, places)]);
  }

  ended(task: HubTask, outcome: TaskOutcome, heldMs: number): void {
    const { clock } = this.#options;
    if (!isEndedByStranger(outcome)) {
      this.#tell(task, outcome, heldMs);
      return;
    }
    if (outcome.asked !== null || this.#stop.signal.aborted) {
      this.#tell(task, asAllocationEnd(outcome), heldMs);
      return;
    }
    const settle = (isOver: boolean): void => {
      if (this.#doubts.get(task.id)?.settle !== settle) return;
      this.#doubts.delete(task.id);
      this.#tell(task, isOver ? asAllocationEnd(outcome) : outcome, heldMs);
    };
    this.#doubts.set(task.id, { attempt: task.attempt, settle });
    clock.after(doubtMs, () => settle(false));
  }

  #tell(task: HubTask, outcome: TaskOutcome, heldMs: number): void {
    const { clock, journal, onOver } = this.#options;
    onOver(task);
    if (heldMs > 0) noteEnd(this.#pace, heldMs, clock.elapsed());
    const report = endItems(task, outcome, clock.now());
    if ("giveBack" in report) {
      journal.add({ dropped: [task.id] });
      this.#session?.release([task.id]);
    } else if (report.items.length === 0) journal.add({ dropped: [task.id] });
    else {
      this.counts[report.items.at(-1)?.state === "RUN_DONE" ? "done" : "failed"] += 1;
      this.#reporter?.add(report.items);
    }
    const parked = this.#parked.get(task.id);
    this.#parked.delete(task.id);
    if (parked) this.#hub?.admit([parked]);
    if (this.#hub?.runningTasks === 0) for (const resolve of this.#whenNothingRuns.splice(0)) resolve();
  }

  recalled(task: HubTask): void {
    const { journal, onOver } = this.#options;
    onOver(task);
    journal.add({ dropped: [task.id] });
  }

  handedBack(task: HubTask, why: string): void {
    const { clock, log, onOver } = this.#options;
    onOver(task);
    log("warn", "a job goes back unstarted", { job: task.id, why });
    this.#noWideUntil = clock.elapsed() + noWideForMs;
    this.counts.givenBack += 1;
    this.#session?.release([task.id], why.slice(0, 1000));
  }

  changed(): void {
    this.#session?.changed();
  }

  async #openSession(): Promise<void> {
    const { client, clock, random, journal, log, tags, apps, waitSec } = this.#options;
    const created = await this.#createSession();
    if (!created) return;
    journal.add({ session: created.id });
    log("info", "session begun", { session: created.id, leaseSec: created.leaseSec });
    const session: ServerSession = new ServerSession(created, {
      client,
      clock,
      random,
      tags,
      apps,
      waitSec,
      wish: () => this.#wish(),
      heldIds: () => [
        ...(this.#hub?.heldIds() ?? []),
        ...this.#parked.keys(),
        ...this.#doubts.keys(),
        ...(this.#reporter?.unacknowledgedEnds().keys() ?? []),
      ],
      events: {
        offered: (offers) => this.#offered(session, offers),
        commanded: (commands) => this.#commanded(commands),
        gone: (error) => void this.#gone(error),
        log: (message, about) => log("warn", message, about),
      },
    });
    this.#session = session;
    this.#reporter = new Reporter({
      journal,
      clock,
      random,
      send: (body) =>
        session.call((caller) =>
          caller.call("sessionReport", { params: { id: session.id }, body, timeoutSec: 60, retry: false }),
        ),
      onAnswer: ({ stale, commands }) => {
        this.#stale(stale);
        this.#commanded(commands);
      },
      onGone: (error) => session.markGone(error),
      log: (message, about) => log("warn", message, about),
    });
    session.changed();
  }

  async #createSession(): Promise<{ id: number; leaseSec: number } | null> {
    const { client, clock, random, log } = this.#options;
    const { signal } = this.#stop;
    const body = this.#request;
    if (!body) return null;
    for (let failures = 1; !signal.aborted; failures += 1) {
      try {
        return await client.call("sessionCreate", { body, timeoutSec: 30, signal });
      } catch (error) {
        if (signal.aborted) return null;
        if (!mayWorkLater(error)) throw error;
        if (failures === 1) log("warn", "no session yet: the server does not answer", { problem: messageOf(error) });
        await pause(clock, backoffMs(failures, random()), signal);
      }
    }
    return null;
  }

  #wish(): Wish | null {
    const { clock, endsAt } = this.#options;
    if (!this.#hub || this.#isCutOff || this.#stop.signal.aborted) return null;
    const now = clock.elapsed();
    return planAcquire(this.#hub.room(), {
      leftMin: endsAt === null ? null : Math.max(0, (endsAt - now) / 60_000),
      fills: fillsAhead(this.#pace, now),
      wantWide: now >= this.#noWideUntil,
    });
  }

  async #offered(session: ServerSession, offers: readonly { offer: Offer; app: App }[]): Promise<void> {
    const { toTasks } = this.#options;
    const ends = this.#reporter?.unacknowledgedEnds();
    const fresh = offers.filter(
      ({ offer: { job, attempt } }) => !this.#holds(job, attempt) && ends?.get(job) !== attempt,
    );
    const tasks = await toTasks(fresh);
    if (session.isOver) return;
    if (this.#stop.signal.aborted) return session.release(tasks.map(({ id }) => id));
    this.counts.taken += tasks.length;
    for (const task of tasks) if (this.#hub?.holds(task.id)) this.#parked.set(task.id, task);
    this.#hub?.admit(tasks.filter(({ id }) => !this.#parked.has(id)));
  }

  /** Whether this very attempt is here; of a job that waits there is but one. */
  #holds(job: number, attempt: number): boolean {
    if (this.#doubts.get(job)?.attempt === attempt) return true;
    return this.#hub?.holds(job) === true && (this.#hub.runningAttempt(job) ?? attempt) === attempt;
  }

  #isLeaseEnding(): boolean {
    const { graceSec } = this.#options;
    return this.#session !== null && this.#session.sinceRenewalMs > endTasksAfterMs(this.#session.leaseSec, graceSec);
  }

  #commanded({ kill = [], giveBack = 0, retire = null }: Partial<Commands>): void {
    const { clock, graceSec, log, onRetire } = this.#options;
    const forgotten: number[] = [];
    for (const job of kill) {
      if (this.#hub?.forget(job) || this.#parked.delete(job)) forgotten.push(job);
      else if (this.#hub?.end(job, "killed", graceSec)) log("info", "ending a job that was killed", { job });
    }
    this.#session?.release(forgotten);
    if (giveBack > 0) {
      noteContention(this.#pace, clock.elapsed());
      this.#giveBack(giveBack);
    }
    if (retire !== null) onRetire(retire);
  }

  #giveBack(count: number): void {
    const given = [...this.#parked.values(), ...(this.#hub?.giveUp(count) ?? [])];
    this.#parked.clear();
    if (given.length === 0) return;
    this.#options.log("info", "giving jobs back that have not started", { jobs: given.length });
    this.counts.givenBack += given.length;
    this.#session?.release(given.map(({ id }) => id));
  }

  #stale(items: readonly { job: number; attempt: number; why: string }[]): void {
    const { graceSec, log } = this.#options;
    for (const { job, attempt, why } of items) {
      log("warn", "the server did not take what was told of a job", { job, attempt, why });
      if (this.#hub?.runningAttempt(job) === attempt) this.#hub.end(job, "released", graceSec);
    }
  }

  async #gone(error: Error): Promise<void> {
    const { graceSec, log, onRetire } = this.#options;
    const hub = this.#hub;
    if (!hub) return;
    log("error", "the session is over: ending its tasks", { problem: messageOf(error), running: hub.runningTasks });
    this.#reporter?.close();
    this.#session = null;
    this.#reporter = null;
    hub.pause();
    hub.giveUp(Number.MAX_SAFE_INTEGER);
    this.#parked.clear();
    hub.endAll("released", graceSec);
    if (hub.runningTasks > 0) await new Promise<void>((resolve) => this.#whenNothingRuns.push(resolve));
    if (this.#stop.signal.aborted) return;
    this.#isCutOff = false;
    try {
      await this.#openSession();
      hub.resume();
    } catch (refused) {
      onRetire(`no new session: ${messageOf(refused)}`);
    }
  }
}

/** Whether a task died of a signal that nobody here sent, even if it was about to be told to end with the allocation. */
function isEndedByStranger(outcome: TaskOutcome): outcome is Extract<TaskOutcome, { kind: "ended" }> {
  if (outcome.kind !== "ended" || outcome.end.reason !== "exit") return false;
  if (outcome.asked !== null && outcome.asked !== "allocation-end") return false;
  return ["SIGTERM", "SIGKILL", "SIGINT", "SIGHUP"].includes(outcome.end.signal ?? "");
}

function asAllocationEnd({ end }: Extract<TaskOutcome, { kind: "ended" }>): TaskOutcome {
  return { kind: "ended", end: { ...end, reason: "allocation-end" }, asked: "allocation-end" };
}
