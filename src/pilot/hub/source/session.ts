/**
 * A pilot's session with the server: takes jobs, renews the lease, hears commands, gives jobs back. It decides nothing
 * about tasks; what it hears goes to `SessionEvents`. Each of its loops ends by itself once the session is closed or gone.
 */
import type { Client } from "../../../client/client.ts";
import type { App } from "../../../client/wire/entities.ts";
import { STREAMS } from "../../../client/wire/routes.ts";
import type { Acquire, Commands, Offer, Session } from "../../../client/wire/sessions.ts";
import { messageOf } from "../../../model/errors.ts";
import { type Clock, pause } from "../clock.ts";
import { backoffMs, isGone } from "./again.ts";
import { heartbeatMs } from "./lease.ts";
import type { Wish } from "./plan-acquire.ts";

export interface SessionEvents {
  /** Jobs to run, each with its app. */
  offered(offers: readonly { readonly offer: Offer; readonly app: App }[]): Promise<void>;
  commanded(commands: Partial<Commands>): void;
  /** The server has ended the session, or does not know it; said once. */
  gone(error: Error): void;
  log(message: string, about?: object): void;
}

export interface SessionOptions {
  readonly client: Pick<Client, "call" | "stream">;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: SessionEvents;
  /** What to ask for now; null while there is enough. */
  readonly wish: () => Wish | null;
  /** Every job that this pilot knows it holds, those included whose end the server has not acknowledged. */
  readonly heldIds: () => readonly number[];
  readonly tags: Readonly<Record<string, string>>;
  readonly apps: readonly string[];
  /** How long a request may wait for a first job, seconds. */
  readonly waitSec: () => number;
}

/** A waiting request is made anew where this much has changed, and not more often than so. */
const renewWaitingMs = 1000;
/** The rest after an answer that came early with commands instead of jobs. */
const toldEarlyMs = 250;

export class ServerSession {
  readonly id: number;
  readonly leaseSec: number;
  readonly #options: SessionOptions;
  readonly #end = new AbortController();
  readonly #apps = new Map<string, App>();
  /** Of those on their way back: why they can never run here. */
  readonly #never = new Map<number, string>();
  /** Jobs on their way back. */
  readonly #releasing = new Set<number>();
  /** When the last call began that renewed the lease, on `elapsed`. */
  #renewedAt: number;
  #isAcquiring = true;
  #mustResume = false;
  #wake: () => void = () => {};
  #waiting: { readonly wish: Wish; readonly since: number; readonly abort: AbortController } | null = null;

  constructor(session: Pick<Session, "id" | "leaseSec">, options: SessionOptions) {
    this.id = session.id;
    this.leaseSec = session.leaseSec;
    this.#options = options;
    this.#renewedAt = options.clock.elapsed();
    void this.#acquire();
    void this.#renew();
    void this.#listen();
  }

  /** How long ago the lease was surely renewed. */
  get sinceRenewalMs(): number {
    return this.#options.clock.elapsed() - this.#renewedAt;
  }

  get isOver(): boolean {
    return this.#end.signal.aborted;
  }

  /** Looks again at what to ask for. */
  changed(): void {
    this.#wake();
    const { clock, wish } = this.#options;
    if (!this.#waiting || clock.elapsed() - this.#waiting.since < renewWaitingMs) return;
    const now = wish();
    const { wish: asked, abort } = this.#waiting;
    if (now && (now.free.cores >= 2 * asked.free.cores || (now.wantWide && !asked.wantWide))) abort.abort();
  }

  /** Takes no more jobs. */
  stopAcquiring(): void {
    this.#isAcquiring = false;
    this.#waiting?.abort.abort();
  }

  /** Gives jobs back that have not started; with `why` because they can never run here. */
  release(jobs: readonly number[], why: string | null = null): void {
    if (jobs.length === 0) return;
    if (why !== null) for (const job of jobs) this.#never.set(job, why);
    const isUnderWay = this.#releasing.size > 0;
    for (const job of jobs) this.#releasing.add(job);
    if (!isUnderWay) void this.#release();
  }

  /** Calls under this session; each success renews the lease, and a session that is gone ends it. */
  async call<Answer>(make: (client: Pick<Client, "call">) => Promise<Answer>): Promise<Answer> {
    const { client, clock } = this.#options;
    const begunAt = clock.elapsed();
    try {
      const answer = await make(client);
      this.#renewedAt = Math.max(this.#renewedAt, begunAt);
      return answer;
    } catch (error) {
      if (isGone(error)) this.markGone(error);
      throw error;
    }
  }

  /** Notes that the server said the session is over. */
  markGone(error: Error): void {
    if (this.isOver) return;
    this.close();
    this.#options.events.gone(error);
  }

  /** Ends its loops; the server is not told. */
  close(): void {
    this.#end.abort();
    this.#waiting?.abort.abort();
    this.#wake();
  }

  async #acquire(): Promise<void> {
    const { clock, random, events, wish: wishNow } = this.#options;
    let failures = 0;
    while (this.#isAcquiring && !this.isOver) {
      const wish = wishNow();
      if (!wish) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      try {
        await this.#ask(wish);
        failures = 0;
      } catch (error) {
        // The answer may have been on its way: the next one begins with what was in it.
        this.#mustResume = true;
        if (this.isOver || isAbort(error)) continue;
        failures += 1;
        if (failures === 1)
          events.log("no jobs can be taken from the server; asking again", { problem: messageOf(error) });
        await pause(clock, backoffMs(failures, random()), this.#end.signal);
      }
    }
  }

  async #ask(wish: Wish): Promise<void> {
    const { clock, events, tags, apps, heldIds, waitSec } = this.#options;
    const abort = new AbortController();
    const body: Acquire = {
      ...wish,
      tags: { ...tags },
      apps: [...apps],
      waitSec: waitSec(),
      knownApps: [...this.#apps.keys()],
      resume: this.#mustResume ? [...heldIds(), ...this.#releasing] : null,
    };
    const begunAt = clock.elapsed();
    this.#waiting = { wish, since: begunAt, abort };
    const answer = await this.call((client) =>
      client.call("sessionAcquire", {
        params: { id: this.id },
        body,
        signal: abort.signal,
        timeoutSec: (body.waitSec ?? 0) + 30,
        retry: false,
      }),
    ).finally(() => {
      this.#waiting = null;
    });
    this.#mustResume = false;
    for (const app of answer.apps) this.#apps.set(`${app.id}:${app.version}`, app);
    // What comes again must not be given back by a call that is made again.
    for (const { job } of answer.offers) this.#releasing.delete(job);
    const offers = answer.offers.map((offer) => ({ offer, app: this.#apps.get(`${offer.appId}:${offer.appVersion}`) }));
    const known = offers.flatMap(({ offer, app }) => (app ? [{ offer, app }] : []));
    if (known.length > 0) await events.offered(known);
    const unknown = offers.filter(({ app }) => !app).map(({ offer }) => offer.job);
    if (unknown.length > 0) {
      events.log("jobs came without their app; they go back", { jobs: unknown.length });
      this.#apps.clear();
      this.release(unknown);
    }
    events.commanded(answer.commands);
    if (offers.length > 0) return;
    // An answer without jobs that did not wait must not be asked for again at once.
    const waitedMs = clock.elapsed() - begunAt;
    if (body.waitSec === 0) await pause(clock, 1000, this.#end.signal);
    else if (waitedMs < (body.waitSec ?? 0) * 1000) await pause(clock, toldEarlyMs, this.#end.signal);
  }

  async #renew(): Promise<void> {
    const { clock, random, events } = this.#options;
    const { signal } = this.#end;
    const period = heartbeatMs(this.leaseSec);
    for (let failures = 0; ; ) {
      await pause(clock, failures === 0 ? period : Math.min(period, backoffMs(failures, random())), signal);
      if (signal.aborted) return;
      try {
        await this.#heartbeat();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === 1) events.log("the lease could not be renewed", { problem: messageOf(error) });
      }
    }
  }

  async #heartbeat(): Promise<void> {
    const answer = await this.call((client) =>
      client.call("sessionHeartbeat", { params: { id: this.id }, body: {}, timeoutSec: 15, retry: false }),
    );
    if (!this.isOver) this.#options.events.commanded(answer.commands);
  }

  async #listen(): Promise<void> {
    const { client, clock, random, events } = this.#options;
    const { signal } = this.#end;
    const path = STREAMS.sessionCommands.replace(":id", String(this.id));
    for (let failures = 1; !signal.aborted; failures += 1) {
      let opened = 0;
      try {
        for await (const { event, data } of client.stream(path, { signal })) {
          if (event === "open") {
            opened += 1;
            failures = 0;
            // What was said while the stream was cut is in the answer to a heartbeat.
            if (opened > 1) await this.#heartbeat().catch(() => {});
          } else if (typeof data === "object" && data !== null) events.commanded(data);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (isGone(error)) return this.markGone(error);
        events.log("the stream of commands broke", { problem: messageOf(error) });
      }
      await pause(clock, backoffMs(failures, random()), signal);
    }
  }

  async #release(): Promise<void> {
    const { clock, random, events } = this.#options;
    for (let failures = 0; this.#releasing.size > 0 && !this.isOver; ) {
      const jobs = [...this.#releasing];
      const why = [...this.#never].slice(0, 10_000);
      const body = why.length === 0 ? { jobs } : { jobs, never: why.map(([job, why]) => ({ job, why })) };
      try {
        await this.call((client) =>
          client.call("sessionRelease", { params: { id: this.id }, body, timeoutSec: 30, retry: false }),
        );
        failures = 0;
        for (const [job] of why) this.#never.delete(job);
        for (const job of jobs) this.#releasing.delete(job);
      } catch (error) {
        failures += 1;
        if (failures === 1) events.log("jobs could not be given back; trying again", { problem: messageOf(error) });
        await pause(clock, backoffMs(failures, random()), this.#end.signal);
      }
    }
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
