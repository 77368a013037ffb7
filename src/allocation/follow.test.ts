import { describe, expect, it } from "vitest";
import { ConiferError } from "../model/errors.ts";
import type {
  AllocationRequest,
  AllocationStatus,
  Scheduler,
  SchedulerLimits,
  Submission,
} from "../platform/schedulers/scheduler.ts";
import { type AllocationWish, followAllocations, type Unseen } from "./follow.ts";

/** A scheduler of a far-away machine, as its answers would come. */
class PlayedScheduler implements Scheduler {
  readonly kind = "played";
  readonly statuses = new Map<string, AllocationStatus>();
  readonly byKey = new Map<string, string>();
  readonly asked: string[] = [];
  maxQueued: number | null = null;
  refusal: string | null = null;
  fullness: string | null = null;
  later: string | null = null;
  silent = false;

  async submit({ key }: AllocationRequest): Promise<Submission> {
    this.#hear(`submit ${key}`);
    if (this.refusal !== null) return { kind: "refused", reason: this.refusal };
    if (this.later === key) return { kind: "later", reason: "its last submit may still arrive" };
    if (this.fullness !== null) return { kind: "full", reason: this.fullness };
    this.byKey.set(key, `id-${key}`);
    this.statuses.set(`id-${key}`, { state: "queued", reason: "Resources" });
    return { kind: "submitted", id: `id-${key}` };
  }
  async find(keys: readonly string[]) {
    this.#hear(`find ${keys}`);
    return new Map([...this.byKey].filter(([key]) => keys.includes(key)));
  }
  async own() {
    return [...this.byKey].map(([key, id]) => ({ key, id }));
  }
  async status(ids: readonly string[]) {
    this.#hear(`status ${ids}`);
    return new Map([...this.statuses].filter(([id]) => ids.includes(id)));
  }
  async cancel(ids: readonly string[]) {
    this.#hear(`cancel ${ids}`);
    for (const id of ids)
      this.statuses.set(id, { state: "ended", outcome: "cancelled", reason: "", startedAt: null, endedAt: null });
  }
  async limits(): Promise<SchedulerLimits> {
    return { maxNodes: null, maxWallTimeMin: null, maxQueued: this.maxQueued, maxRunning: null };
  }
  async queues() {
    return [];
  }
  async [Symbol.asyncDispose]() {}
  #hear(call: string): void {
    if (this.silent) throw new ConiferError("SCHEDULER_SILENT", { scheduler: "played", problem: "timed out" });
    this.asked.push(call);
  }
}

const wish = (key: string, change: Partial<AllocationWish> = {}): AllocationWish => ({
  key,
  id: null,
  isGivenUp: false,
  ...change,
});
const prepare = async (key: string): Promise<AllocationRequest> => ({
  key,
  name: key,
  command: ["true"],
  environment: {},
  directory: "/",
  output: "/dev/null",
  nodes: 1,
  wallTimeMin: 1,
  queue: "",
  project: "",
  options: {},
});
const follow = (scheduler: Scheduler, wishes: AllocationWish[], { now = 0, unseen = new Map() as Unseen } = {}) =>
  followAllocations(wishes, { scheduler, prepare, unseen, now });

describe("following allocations", () => {
  it("submits what is not submitted and asks for all statuses at once", async () => {
    const scheduler = new PlayedScheduler();
    scheduler.statuses.set("id-1", { state: "running", startedAt: 5 });
    const standings = await follow(scheduler, [wish("1", { id: "id-1" }), wish("2"), wish("3")]);
    expect(standings).toEqual(
      new Map([
        ["1", { id: "id-1", state: "running", startedAt: 5 }],
        ["2", { id: "id-2", state: "queued", reason: "Resources" }],
        ["3", { id: "id-3", state: "queued", reason: "Resources" }],
      ]),
    );
    expect(scheduler.asked.at(-1)).toBe("status id-1,id-2,id-3");
  });

  it("submits nothing twice, also when the answer to the submit was lost", async () => {
    const scheduler = new PlayedScheduler();
    await follow(scheduler, [wish("1")]);
    expect((await follow(scheduler, [wish("1")])).get("1")).toMatchObject({ id: "id-1", state: "queued" });
    expect(scheduler.asked.filter((call) => call.startsWith("submit"))).toEqual(["submit 1"]);
  });

  it("[B46] tells why a submission was refused", async () => {
    const scheduler = new PlayedScheduler();
    scheduler.refusal = "Invalid account";
    expect((await follow(scheduler, [wish("1")])).get("1")).toEqual({ state: "refused", reason: "Invalid account" });
  });

  it("keeps what a full queue does not take waiting, and asks it once a round", async () => {
    const scheduler = new PlayedScheduler();
    scheduler.fullness = "QOSMaxSubmitJobPerUserLimit";
    const waiting = { state: "waiting", reason: "QOSMaxSubmitJobPerUserLimit" };
    expect(await follow(scheduler, [wish("1"), wish("2")])).toEqual(
      new Map([
        ["1", waiting],
        ["2", waiting],
      ]),
    );
    expect(scheduler.asked.filter((call) => call.startsWith("submit"))).toEqual(["submit 1"]);
    scheduler.fullness = null;
    expect((await follow(scheduler, [wish("1")])).get("1")).toMatchObject({ state: "queued" });
  });

  it("holds back no other for one that must wait by itself", async () => {
    const scheduler = new PlayedScheduler();
    scheduler.later = "1";
    const standings = await follow(scheduler, [wish("1"), wish("2")]);
    expect([standings.get("1")?.state, standings.get("2")?.state]).toEqual(["waiting", "queued"]);
  });

  it("never takes for gone what the scheduler cannot tell of just now", async () => {
    const scheduler = new PlayedScheduler();
    const unseen: Unseen = new Map();
    scheduler.statuses.set("id-1", { state: "unknown", reason: "the accounting is down" });
    for (const now of [0, 1_000_000, 2_000_000])
      expect((await follow(scheduler, [wish("1", { id: "id-1" })], { now, unseen })).get("1")).toMatchObject({
        state: "unknown",
      });
  });

  it("holds back what the scheduler's queue has no room for", async () => {
    const scheduler = new PlayedScheduler();
    scheduler.maxQueued = 1;
    const standings = await follow(scheduler, [wish("1"), wish("2")]);
    expect([...standings.values()]).toMatchObject([
      { state: "queued" },
      { state: "waiting", reason: "the scheduler lets 1 allocations wait" },
    ]);
  });

  it("lets what cannot be prepared wait, with the reason, and submits the others", async () => {
    const scheduler = new PlayedScheduler();
    const failing = async (key: string) => {
      if (key === "1") throw new Error("ENOSPC: no space left");
      return prepare(key);
    };
    const wishes = [wish("1"), wish("2")];
    const standings = await followAllocations(wishes, { scheduler, prepare: failing, unseen: new Map(), now: 0 });
    expect([...standings.values()]).toMatchObject([
      { state: "waiting", reason: "it cannot be prepared: ENOSPC: no space left" },
      { state: "queued" },
    ]);
  });

  it("cancels what is given up and submits none of it", async () => {
    const scheduler = new PlayedScheduler();
    scheduler.statuses.set("id-1", { state: "queued", reason: "" });
    const standings = await follow(scheduler, [
      wish("1", { id: "id-1", isGivenUp: true }),
      wish("2", { isGivenUp: true }),
    ]);
    expect([...standings.values()]).toMatchObject([
      { state: "ended", id: "id-1", outcome: "cancelled" },
      { state: "ended", id: null, outcome: "cancelled", reason: "given up before it was submitted" },
    ]);
    expect(scheduler.asked.filter((call) => call.startsWith("submit"))).toEqual([]);
  });

  it("[B42] takes an allocation that vanished from the scheduler for failed after a while, and follows the others", async () => {
    const scheduler = new PlayedScheduler();
    scheduler.statuses.set("id-2", { state: "running", startedAt: null });
    const unseen: Unseen = new Map();
    const wishes = [wish("1", { id: "id-1" }), wish("2", { id: "id-2" })];
    const at = async (now: number) => (await follow(scheduler, wishes, { now, unseen })).get("1");
    expect(await at(1000)).toEqual({ state: "unknown", id: "id-1" });
    expect(await at(60_000)).toEqual({ state: "unknown", id: "id-1" });
    expect(await at(61_000)).toMatchObject({
      state: "ended",
      outcome: "failed",
      reason: "the scheduler has not known id-1 for 60 s",
    });
    scheduler.statuses.set("id-1", { state: "running", startedAt: null });
    expect(await at(62_000)).toMatchObject({ state: "running" });
  });

  it("concludes nothing while the scheduler does not answer", async () => {
    const scheduler = new PlayedScheduler();
    scheduler.silent = true;
    await expect(follow(scheduler, [wish("1", { id: "id-1" })])).rejects.toMatchObject({ code: "SCHEDULER_SILENT" });
  });
});
