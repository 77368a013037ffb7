import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { ConiferError, messageOf } from "../../../model/errors.ts";
import { identityOf, isRunning } from "../../processes/identity.ts";
import { endMarked, findMarked, signal } from "../../processes/marked.ts";
import type {
  AllocationRequest,
  AllocationStatus,
  OwnAllocation,
  QueueView,
  Scheduler,
  SchedulerLimits,
  Submission,
} from "../scheduler.ts";
import {
  type Allocation,
  loadAllocations,
  readScriptNumber,
  removeAllocation,
  saveAllocation,
} from "./allocation-file.ts";
import { MARKER, startScript } from "./script.ts";
import { lastLines } from "./tail.ts";

export type LocalSchedulerOptions = {
  /** Where allocations are kept, one file each. */
  readonly directory: string;
  /** Allocations that run at once; the others wait. */
  readonly maxRunning: number;
  /** From SIGTERM to SIGKILL where an allocation is given up, seconds. */
  readonly graceSec: number;
  /** An allocation this long over its wall time is ended (it should have ended itself). Default 30. */
  readonly overrunSec?: number;
  /** Called when an allocation has started or ended. */
  readonly onChange?: () => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
};

/** Ended allocations are remembered so long. */
const KEEP_ENDED_MS = 30 * 86_400_000;
/** How often allocations that are no children of this process, or must end, are looked at. */
const WATCH_MS = 500;

/**
 * The scheduler of a machine without one: an allocation is a process group of this machine. All state is in files, so a
 * process that opens the directory later takes over what runs; first processes are known by pid, start time and boot,
 * all others by a marker in their environment. An allocation has ended when its script has, and none of its processes is
 * left; left-overs are ended.
 */
export class LocalScheduler implements Scheduler {
  readonly kind = "local";
  readonly #options: Required<LocalSchedulerOptions>;
  readonly #allocations = new Map<string, Allocation>();
  readonly #ending = new Map<string, Promise<void>>();
  #turn: Promise<unknown> = Promise.resolve();
  #watch: NodeJS.Timeout | undefined;
  #closed = false;
  /** Why the last end of an allocation could not be written; status() throws it until one can. */
  #unwritten: ConiferError | null = null;

  private constructor(options: LocalSchedulerOptions) {
    this.#options = { onChange: () => undefined, now: Date.now, overrunSec: 30, ...options };
  }

  /** Takes over what the directory knows of. */
  static async open(options: LocalSchedulerOptions): Promise<LocalScheduler> {
    await mkdir(options.directory, { recursive: true, mode: 0o700 });
    const scheduler = new LocalScheduler(options);
    for (const allocation of await loadAllocations(options.directory)) {
      const isOld = allocation.end !== null && allocation.end.at < scheduler.#options.now() - KEEP_ENDED_MS;
      if (isOld) await removeAllocation(options.directory, allocation.id);
      else scheduler.#allocations.set(allocation.id, await scheduler.#adopt(allocation));
    }
    await scheduler.#advance();
    return scheduler;
  }

  async submit(request: AllocationRequest): Promise<Submission> {
    if (request.nodes > 1)
      return { kind: "refused", reason: `the local scheduler has one node, ${request.nodes} were asked for` };
    return this.#inTurn(async () => {
      const id = `local-${request.key}`;
      if (!this.#allocations.has(id)) {
        await this.#save({
          id,
          key: request.key,
          state: "queued",
          request: { ...request, command: [...request.command] },
          marker: randomUUID(),
          submittedAt: this.#options.now(),
          startedAt: null,
          leader: null,
          giveUp: null,
          end: null,
        });
      }
      await this.#advanceNow();
      return { kind: "submitted", id };
    });
  }

  async find(keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const known = [...this.#allocations.values()].filter(({ key }) => keys.includes(key));
    return new Map(known.map(({ key, id }) => [key, id]));
  }

  async status(ids: readonly string[]): Promise<ReadonlyMap<string, AllocationStatus>> {
    await this.#advance();
    if (this.#unwritten !== null) throw this.#unwritten;
    const known = ids.map((id) => this.#allocations.get(id)).filter((allocation) => allocation !== undefined);
    return new Map(known.map((allocation) => [allocation.id, this.#toStatus(allocation)]));
  }

  async cancel(ids: readonly string[]): Promise<void> {
    await this.#inTurn(async () => {
      for (const id of ids) {
        const allocation = this.#allocations.get(id);
        if (allocation) await this.#giveUp(allocation, "cancelled", "it was cancelled");
      }
      await this.#advanceNow();
    });
  }

  async limits(): Promise<SchedulerLimits> {
    return { maxNodes: 1, maxWallTimeMin: null, maxQueued: null, maxRunning: this.#options.maxRunning };
  }

  async queues(): Promise<readonly QueueView[]> {
    return [];
  }

  async own(): Promise<readonly OwnAllocation[]> {
    return this.active();
  }

  /** Allocations that wait or run, oldest first. */
  active(): (OwnAllocation & { readonly state: "queued" | "running"; readonly pid: number | null })[] {
    return [...this.#allocations.values()].flatMap(({ id, key, state, leader }) =>
      state === "ended" ? [] : { id, key, state, pid: leader?.pid ?? null },
    );
  }

  /** Lets go; what runs goes on running. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#watch);
    await Promise.all(this.#ending.values());
    await this.#turn.catch(() => undefined);
  }

  /** An allocation that was being started when its scheduler died has left its pid, or has not started at all. */
  async #adopt(allocation: Allocation): Promise<Allocation> {
    if (allocation.state !== "running" || allocation.leader !== null) return allocation;
    const pid = await readScriptNumber(this.#options.directory, allocation.id, "pid");
    const marked = await findMarked(`${MARKER}=${allocation.marker}`);
    const leader = marked.find((identity) => identity.pid === pid) ?? null;
    const hasRun = pid !== null || marked.length > 0;
    return { ...allocation, leader, state: hasRun ? "running" : "queued" };
  }

  #advance(): Promise<void> {
    return this.#inTurn(() => this.#advanceNow());
  }

  /** Sees who has ended, ends who must, starts who may. */
  async #advanceNow(): Promise<void> {
    if (this.#closed) return;
    for (const allocation of this.#withState("running")) {
      if (this.#ending.has(allocation.id)) continue;
      if (!(await this.#runs(allocation))) this.#finish(allocation);
      else await this.#hurry(allocation);
    }
    const room = () => this.#withState("running").length < this.#options.maxRunning;
    for (const allocation of this.#withState("queued")) if (room()) await this.#start(allocation);
    this.#lookAgain();
  }

  async #start(allocation: Allocation): Promise<void> {
    const { directory, now } = this.#options;
    const starting: Allocation = { ...allocation, state: "running", startedAt: now() };
    await this.#save(starting);
    try {
      const child = await startScript(directory, starting);
      child.once("exit", () => void this.#advance().catch(() => undefined));
      // A script that is over already is nobody; its exit code waits in its file.
      const leader = child.pid === undefined ? null : await identityOf(child.pid);
      this.#allocations.set(starting.id, { ...starting, leader });
      // Where this cannot be written, the script's own pid file still tells a later scheduler.
      await saveAllocation(directory, { ...starting, leader }).catch(() => undefined);
      this.#options.onChange();
    } catch (error) {
      const reason = `it could not be started: ${messageOf(error)}`;
      await this.#save({ ...starting, state: "ended", end: { at: now(), outcome: "failed", reason } });
      this.#options.onChange();
    }
  }

  async #runs({ leader }: Allocation): Promise<boolean> {
    return leader !== null && (await isRunning(leader));
  }

  /** Past its wall time it is given up; given up and past its grace it is killed. */
  async #hurry(allocation: Allocation): Promise<void> {
    const { now, graceSec, overrunSec } = this.#options;
    const { startedAt, request, giveUp, leader } = allocation;
    const endsAt = (startedAt ?? now()) + request.wallTimeMin * 60_000 + overrunSec * 1000;
    if (giveUp === null && now() > endsAt)
      await this.#giveUp(allocation, "failed", `it was over its wall time of ${request.wallTimeMin} minutes`);
    else if (giveUp !== null && now() > giveUp.at + graceSec * 1000 && leader !== null && (await isRunning(leader)))
      signal(-leader.pid, "SIGKILL");
  }

  async #giveUp(allocation: Allocation, outcome: "cancelled" | "failed", reason: string): Promise<void> {
    if (allocation.state === "ended" || allocation.giveUp !== null) return;
    const at = this.#options.now();
    const given: Allocation = { ...allocation, giveUp: { at, reason, outcome } };
    if (allocation.state === "queued") {
      await this.#save({ ...given, state: "ended", end: { at, outcome, reason } });
      this.#options.onChange();
      return;
    }
    await this.#save(given);
    if (given.leader !== null && (await isRunning(given.leader))) signal(given.leader.pid, "SIGTERM");
  }

  /** The script has ended: what is left of the allocation gets a moment, then the end. */
  #finish(allocation: Allocation): void {
    const work = this.#sweepAndEnd(allocation)
      .then(
        () => {
          this.#ending.delete(allocation.id);
          this.#unwritten = null;
          return this.#advance().then(this.#options.onChange);
        },
        (error: unknown) => {
          // A disk that is full now is full at once again: the next look tries anew.
          this.#ending.delete(allocation.id);
          this.#unwritten = this.#toSilent(error);
          this.#lookAgain();
        },
      )
      .catch(() => undefined);
    this.#ending.set(allocation.id, work);
  }

  async #sweepAndEnd({ id, marker }: Allocation): Promise<void> {
    const entry = `${MARKER}=${marker}`;
    for (let waited = 0; waited < 2000 && (await findMarked(entry)).length > 0; waited += 50) await delay(50);
    if (this.#closed) return;
    const { found, left } = await endMarked(entry, Math.min(this.#options.graceSec, 5));
    await this.#inTurn(async () => {
      const allocation = this.#allocations.get(id);
      if (allocation === undefined || allocation.state === "ended" || this.#closed) return;
      const code = await readScriptNumber(this.#options.directory, id, "exit");
      const end = await this.#describeEnd(allocation, { code, found, left });
      await this.#save({ ...allocation, state: "ended", end: { at: this.#options.now(), ...end } });
    });
  }

  async #describeEnd(
    { giveUp, request }: Allocation,
    { code, found, left }: { code: number | null; found: number; left: number },
  ): Promise<{ outcome: "finished" | "failed" | "cancelled"; reason: string }> {
    const swept = found === 0 ? "" : `; left-over processes that were ended: ${found}`;
    const stuck = left === 0 ? "" : `; processes that cannot be ended: ${left}`;
    if (giveUp !== null) return { outcome: giveUp.outcome, reason: `${giveUp.reason}${swept}${stuck}` };
    if (code === 0) return { outcome: "finished", reason: `${swept}${stuck}`.replace(/^; /, "") };
    const how = code === null ? "its script was killed" : code > 128 ? `signal ${code - 128}` : `exit code ${code}`;
    const words = await lastLines(request.output, 5);
    return { outcome: "failed", reason: `${how}${swept}${stuck}${words === "" ? "" : `: ${words}`}` };
  }

  #toStatus({ state, startedAt, end }: Allocation): AllocationStatus {
    if (state === "ended" && end !== null)
      return { state, outcome: end.outcome, reason: end.reason, startedAt, endedAt: end.at };
    if (state === "running") return { state, startedAt };
    const ahead = this.#withState("running").length;
    return { state: "queued", reason: `${ahead} of ${this.#options.maxRunning} allocations run` };
  }

  #withState(state: Allocation["state"]): Allocation[] {
    return [...this.#allocations.values()].filter((allocation) => allocation.state === state);
  }

  async #save(allocation: Allocation): Promise<void> {
    try {
      await saveAllocation(this.#options.directory, allocation);
    } catch (cause) {
      throw this.#toSilent(cause);
    }
    this.#allocations.set(allocation.id, allocation);
  }

  #toSilent(cause: unknown): ConiferError {
    if (cause instanceof ConiferError) return cause;
    return new ConiferError("SCHEDULER_SILENT", { scheduler: this.kind, problem: messageOf(cause) }, { cause });
  }

  /** The exit of a child is told by an event; what was taken over, or must hurry, is looked at. */
  #lookAgain(): void {
    clearTimeout(this.#watch);
    if (this.#closed || this.#withState("running").length === 0) return;
    this.#watch = setTimeout(() => void this.#advance().catch(() => undefined), WATCH_MS);
    this.#watch.unref();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}
