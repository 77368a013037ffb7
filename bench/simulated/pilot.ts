/**
 * A pilot's real hub with simulated nodes, on a clock of its own. What the hub computes costs the time that it really takes here, and
 * while it computes, messages wait for it as they would in a process with one thread; every message goes through the link's own
 * encoding and checks, and costs a system call's time at the hub. A node starts a task about a millisecond after it hears of it, a
 * message is a quarter of a millisecond on its way, and tasks last a tenth more or less than they say: exactly alike, they would all end
 * in one moment for ever. The source is one that always has jobs and answers in some milliseconds; specs are made and results put
 * into reports as for the server.
 */
import { readAppDefinition } from "../../src/app/definition.ts";
import type { Offer } from "../../src/client/wire/sessions.ts";
import { DEFAULT_RESOURCES } from "../../src/model/resources.ts";
import { toHubTask } from "../../src/pilot/hub/dispatch/offer.ts";
import { Hub, type HubNode } from "../../src/pilot/hub/hub.ts";
import { endItems, runningItem } from "../../src/pilot/hub/report/items.ts";
import type { HubMessage, NodeMessage, TaskEnd, TaskStart } from "../../src/pilot/link/messages.ts";
import { readHubMessage, readNodeMessage } from "../../src/pilot/link/read-message.ts";
import { EventClock } from "./clock.ts";
import { numbers } from "./numbers.ts";

const onTheWayMs = 0.25;
const spawnMs = 1;
const systemCallMs = 0.015;
/** Starts wait for company at a node. */
const companyMs = 3;
/** As many jobs as the pilot takes at once from the server, when so many are left. */
const batch = 2048;
const answerMs = 5;

export interface Simulation {
  /** The part of the slots that ran a task, from the moment when as many had begun as there are slots. */
  readonly busy: number;
  readonly tasksPerSec: number;
  /** Of the hub's one thread. */
  readonly hubLoad: number;
}

/** Runs tasks of one length for so many of their lengths after the slots were filled. */
export function simulatePilot(use: { nodes: number; slots: number; taskMs: number; rounds: number }): Simulation {
  const clock = new EventClock();
  const total = use.nodes * use.slots;
  const random = numbers();
  let running = 0;
  let busySum = 0;
  let countedAt = 0;
  let filledAt: number | null = null;
  let ended = 0;
  let begun = 0;
  const count = (change: number): void => {
    const now = clock.elapsed();
    busySum += running * (now - countedAt);
    countedAt = now;
    running += change;
    if (filledAt === null && begun >= total) {
      filledAt = now;
      busySum = 0;
      ended = 0;
      hubMs = 0;
    }
  };

  // The hub's thread: what comes while it computes waits, and is then read in one turn.
  let freeAt = 0;
  let hubMs = 0;
  let inbox: (() => void)[] = [];
  let outgoing: { text: string; deliver: (text: string) => void }[] = [];
  let calls = 0;
  const turn = (): void => {
    const work = inbox;
    inbox = [];
    const begin = performance.now();
    calls = 0;
    for (const act of work) act();
    const spent = performance.now() - begin + calls * systemCallMs;
    hubMs += spent;
    freeAt = clock.elapsed() + spent;
    const sent = outgoing;
    outgoing = [];
    for (const { text, deliver } of sent) clock.at(freeAt + onTheWayMs, () => deliver(text));
    if (inbox.length > 0) clock.at(freeAt, turn);
  };
  const atHub = (act: () => void): void => {
    inbox.push(act);
    if (inbox.length === 1) clock.at(Math.max(clock.elapsed(), freeAt), turn);
  };

  const app = readAppDefinition({ name: "sleep", command: "sleep {{seconds}}", parameters: { seconds: {} } }, "sleep");
  let lastJob = 0;
  let isAsking = false;
  const takeJobs = (): void => {
    if (isAsking) return;
    isAsking = true;
    clock.after(answerMs, () => {
      // What the server does to make this text is not the hub's work; reading it is.
      const text = JSON.stringify(Array.from({ length: batch }, () => offerOf(++lastJob)));
      atHub(() => {
        isAsking = false;
        hub.admit((JSON.parse(text) as Offer[]).map((offer) => toHubTask(offer, app, dispatch)));
        if (hub.waitingTasks < batch) takeJobs();
      });
    });
  };
  let report: object[] = [];
  const tell = (items: readonly object[]): void => {
    report.push(...items);
    if (report.length < 1000) return;
    JSON.stringify(report);
    report = [];
  };
  const hub: Hub = new Hub({
    // The hub's own timers are turns of its thread, too.
    clock: {
      now: () => clock.now(),
      elapsed: () => clock.elapsed(),
      after: (ms, callback) => clock.after(ms, () => atHub(callback)),
    },
    endsAt: null,
    events: {
      mayStart: () => true,
      starting() {},
      started: (task, { at, places }) => tell([runningItem(task, at, places)]),
      ended: (task, outcome) => {
        const made = endItems(task, outcome, clock.now());
        if ("items" in made) tell(made.items);
      },
      recalled() {},
      handedBack() {},
      changed: () => {
        if (hub.waitingTasks < batch) takeJobs();
      },
    },
  });

  const addNode = (index: number): void => {
    let starts: TaskStart[] = [];
    let isWaiting = false;
    const say = (message: Exclude<NodeMessage, { type: "hello" | "note" }>): void => {
      const text = JSON.stringify(message);
      clock.after(onTheWayMs, () =>
        atHub(() => {
          calls += 1;
          const read = readNodeMessage(JSON.parse(text));
          if (read.type !== "hello" && read.type !== "note") hub.receive(node, read);
        }),
      );
    };
    const tellStarts = (): void => {
      isWaiting = false;
      if (starts.length > 0) say({ type: "started", tasks: starts });
      starts = [];
    };
    /** Tasks here, those that wait for another one included, and who comes after whom. */
    const here = new Set<string>();
    const after = new Map<string, string>();
    const end = (task: string, startedAt: number): void => {
      count(-1);
      ended += 1;
      here.delete(task);
      const next = after.get(task);
      after.delete(task);
      if (next !== undefined) begin(next);
      tellStarts();
      const gone: TaskEnd = { task, startedAt, at: clock.now(), ...plainEnd };
      say({ type: "ended", tasks: [gone] });
    };
    const begin = (task: string): void => {
      count(1);
      const at = clock.now();
      starts.push({ task, at, pid: 1 });
      if (!isWaiting) clock.after(companyMs, tellStarts);
      isWaiting = true;
      // The first ones are on their way already, as in a pilot that has run for long.
      const part = begun < total ? random() : 0.9 + 0.2 * random();
      begun += 1;
      clock.after(use.taskMs * part, () => end(task, at - spawnMs));
    };
    const receive = (text: string): void => {
      const message = readHubMessage(JSON.parse(text));
      if (message.type === "end") for (const { task } of message.tasks) takeBack(task);
      if (message.type !== "start") return;
      for (const { task, after: before } of message.tasks) {
        here.add(task);
        if (typeof before === "string" && here.has(before)) after.set(before, task);
        else clock.after(spawnMs * (0.5 + random()), () => begin(task));
      }
    };
    /** Unless it has begun; who comes after it comes after the one before. */
    const takeBack = (task: string): void => {
      for (const [before, waiting] of after) {
        if (waiting !== task) continue;
        here.delete(task);
        const next = after.get(task);
        after.delete(task);
        if (next === undefined) after.delete(before);
        else after.set(before, next);
        say({ type: "ended", tasks: [{ task, startedAt: null, at: clock.now(), ...plainEnd, reason: "killed" }] });
        return;
      }
    };
    const send = (message: HubMessage): void => {
      calls += 1;
      outgoing.push({ text: JSON.stringify(message), deliver: receive });
    };
    const capacity = { cores: use.slots, gpus: 0, memoryBytes: 0 };
    const cores = Array.from({ length: use.slots }, (_, core) => core);
    const node: HubNode = hub.addNode({
      hostname: `nid${String(index).padStart(5, "0")}`,
      agent: String(index),
      promise: { capacity, cores, gpus: [] },
      send,
    });
  };
  for (let index = 0; index < use.nodes; index += 1) atHub(() => addNode(index));

  for (;;) {
    if (!clock.step()) throw new Error("nothing happens any more");
    if (filledAt !== null && clock.elapsed() - filledAt >= use.rounds * use.taskMs) break;
  }
  count(0);
  const overMs = clock.elapsed() - filledAt;
  return { busy: busySum / overMs / total, tasksPerSec: (1000 * ended) / overMs, hubLoad: hubMs / overMs };
}

const plainEnd = {
  exitCode: 0,
  signal: null,
  reason: "exit",
  message: null,
  stderrTail: "",
  missingOutputs: [],
} as const;

const dispatch = {
  site: { name: "here", directory: "/site" },
  graceSec: 10,
  mpi: () => ({ missing: "it was not looked for" }),
  ranks: { binding: "task", gpuBinding: "task", options: [] },
  forwarded: [],
  asRoot: false,
  grant: null,
} as const;

function offerOf(job: number): Offer {
  return {
    ...{ job, attempt: 1, appId: 1, appVersion: 1, name: `sleep ${job}`, workflow: "", workdir: `sleep/${job}` },
    ...{ parameters: { seconds: 0.1 }, environment: {}, priority: 0, limitSec: null, launchOptions: [] },
    ...{ inputs: [], wide: false },
    ...DEFAULT_RESOURCES,
  };
}
