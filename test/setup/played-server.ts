import type { Client } from "../../src/client/client.ts";
import type { App } from "../../src/client/wire/entities.ts";
import type { Acquire, Commands, Offer, ReportItem } from "../../src/client/wire/sessions.ts";
import { ConiferError } from "../../src/model/errors.ts";
import { DEFAULT_RESOURCES } from "../../src/model/resources.ts";
import type { FakeClock } from "./fake-clock.ts";

export const playedApp: App = {
  id: 1,
  siteId: 1,
  site: "here",
  version: 1,
  updated: "",
  name: "app",
  description: "",
  command: "run {{x}}",
  parameters: { x: { type: "any", default: 1, help: "" } },
  preamble: "",
  environment: {},
  resources: {},
  outputs: [],
  cleanup: [],
  container: null,
  limitSec: null,
  hooks: [],
};

/** A job as the server offers it. */
export function offerOf(job: number, part: Partial<Offer> = {}): Offer {
  return {
    ...{ job, attempt: 1, appId: 1, appVersion: 1, name: `job ${job}`, workflow: "", workdir: `w/${job}` },
    ...{ parameters: {}, environment: {}, priority: 0, limitSec: null, launchOptions: [], inputs: [], wide: false },
    ...DEFAULT_RESOURCES,
    ...part,
  };
}

type Call = { readonly name: string; readonly body: unknown; readonly at: number };

/**
 * The server's side of the session protocol, played in memory under a clock that a test moves: enough to see what a
 * pilot does when the server is slow, silent, forgetful or contrary. The real one is met in `test/pilot`.
 */
export class PlayedServer {
  readonly clock: FakeClock;
  readonly calls: Call[] = [];
  /** Jobs that wait. */
  readonly queue: Offer[] = [];
  readonly held = new Map<number, Offer>();
  readonly reported: ReportItem[] = [];
  readonly released: number[] = [];
  readonly ended: string[] = [];
  leaseSec = 600;
  /** No call arrives. */
  isDown = false;
  /** Calls arrive and answers do not. */
  losesAnswers = false;
  /** The session has ended. */
  isGone = false;
  stale: { job: number; attempt: number; why: string }[] = [];
  commands: Commands = { kill: [], giveBack: 0, retire: null };
  sessions = 0;
  #appliedBatches = new Set<string>();
  #waiting: (() => void)[] = [];
  #listeners: ((event: { event: string; data: unknown }) => void)[] = [];

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  add(...offers: Offer[]): void {
    this.queue.push(...offers);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Says something on the stream of commands. */
  say(commands: Partial<Commands>): void {
    for (const listener of this.#listeners) listener({ event: "commands", data: commands });
  }

  count(name: string): number {
    return this.calls.filter((call) => call.name === name).length;
  }

  states(job: number): string[] {
    return this.reported
      .filter((item) => item.job === job)
      .map(({ state, failure }) => `${state}${failure ? ` ${failure}` : ""}`);
  }

  get client(): Pick<Client, "call" | "stream"> {
    const call = async (name: string, options: CallOptions = {}): Promise<unknown> => {
      this.calls.push({ name, body: options.body, at: this.clock.elapsed() });
      if (this.isDown) throw unreachable();
      if (this.isGone && name !== "sessionCreate")
        throw new ConiferError("SESSION_GONE", { session: this.sessions, reason: "its lease ran out" });
      const answer = await this.#answer(name, options);
      if (this.isDown || this.losesAnswers) throw unreachable();
      return answer;
    };
    const stream = (_path: string, { signal }: { signal: AbortSignal }) => this.#stream(signal);
    return { call: call as Client["call"], stream: stream as Client["stream"] };
  }

  async #answer(name: string, { body, query, signal }: CallOptions): Promise<unknown> {
    switch (name) {
      case "sessionCreate":
        this.sessions += 1;
        this.isGone = false;
        return { id: this.sessions, leaseSec: this.leaseSec };
      case "sessionAcquire":
        return this.#acquire(body as Acquire, signal);
      case "sessionReport":
        return this.#report(body as { batch: number; items: ReportItem[] });
      case "sessionHeartbeat":
        return { leaseSec: this.leaseSec, commands: this.commands };
      case "sessionRelease":
        for (const job of (body as { jobs: number[] }).jobs) {
          this.released.push(job);
          this.held.delete(job);
        }
        return { released: 1 };
      case "sessionEnd":
        this.ended.push(String(query?.reason));
        return null;
      default:
        throw new Error(`not played: ${name}`);
    }
  }

  async #acquire(body: Acquire, signal: AbortSignal | undefined): Promise<unknown> {
    const known = new Set(body.resume ?? []);
    const unheard = body.resume === null ? [] : [...this.held.values()].filter(({ job }) => !known.has(job));
    const take = (): Offer[] => {
      const taken: Offer[] = [];
      let cores = body.free.cores;
      for (const offer of [...this.queue]) {
        const needs = offer.ranksPerNode * offer.threadsPerRank;
        const isLate = body.wallTimeLeftMin !== null && offer.wallTimeMin > body.wallTimeLeftMin;
        if (taken.length >= body.maxJobs || needs > cores || isLate) continue;
        cores -= needs;
        taken.push(offer);
      }
      const [first] = body.wantWide && taken.length === 0 ? this.queue : [];
      if (first) taken.push({ ...first, wide: true });
      for (const offer of taken) {
        this.queue.splice(
          this.queue.findIndex(({ job }) => job === offer.job),
          1,
        );
        this.held.set(offer.job, offer);
      }
      return taken;
    };
    let offers = [...unheard, ...take()];
    if (offers.length === 0 && (body.waitSec ?? 0) > 0) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve);
        this.clock.after((body.waitSec ?? 0) * 1000, resolve);
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
      offers = take();
    }
    return { offers, apps: (body.knownApps ?? []).includes("1:1") ? [] : [playedApp], commands: this.commands };
  }

  #report({ batch, items }: { batch: number; items: ReportItem[] }): unknown {
    const key = `${this.sessions}/${batch}`;
    if (!this.#appliedBatches.has(key)) {
      this.reported.push(...items);
      for (const { job, state } of items) if (state !== "RUNNING") this.held.delete(job);
    }
    this.#appliedBatches.add(key);
    return { accepted: items.length, stale: this.stale.splice(0), commands: this.commands };
  }

  async *#stream(signal: AbortSignal): AsyncGenerator<{ event: string; data: unknown }> {
    const ready: { event: string; data: unknown }[] = [{ event: "open", data: null }];
    let wake: () => void = () => {};
    const listener = (event: { event: string; data: unknown }): void => {
      ready.push(event);
      wake();
    };
    this.#listeners.push(listener);
    signal.addEventListener("abort", () => wake());
    while (!signal.aborted) {
      yield* ready.splice(0);
      if (ready.length === 0 && !signal.aborted)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }
}

interface CallOptions {
  readonly body?: unknown;
  readonly query?: Record<string, unknown>;
  readonly signal?: AbortSignal;
}

const unreachable = (): ConiferError => new ConiferError("SERVER_UNREACHABLE", { address: "x", problem: "refused" });
