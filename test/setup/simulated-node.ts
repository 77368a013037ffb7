import type { EndReason, HubMessage, NodeMessage, TaskEnd, TaskSpec } from "../../src/pilot/link/messages.ts";
import type { FakeClock } from "./fake-clock.ts";

/** How a task on a simulated node goes. */
export interface SimulatedRun {
  /** Null = until it is ended. */
  readonly lastsMs: number | null;
  readonly end?: Partial<TaskEnd>;
}

/** A node agent without processes: tasks start at once and end when their time is over on the clock. */
export class SimulatedNode {
  readonly running = new Map<string, { spec: TaskSpec; startedAt: number; cancel: () => void }>();
  readonly started: TaskSpec[] = [];
  /** The most tasks at one time. */
  peak = 0;
  /** Says nothing and does nothing any more. */
  isDead = false;
  readonly #clock: FakeClock;
  readonly #run: (spec: TaskSpec) => SimulatedRun;
  #say: (message: Exclude<NodeMessage, { type: "hello" | "note" }>) => void = () => {};

  constructor(clock: FakeClock, run: (spec: TaskSpec) => SimulatedRun = () => ({ lastsMs: 1000 })) {
    this.#clock = clock;
    this.#run = run;
  }

  /** Where what it says goes. */
  connect(say: (message: Exclude<NodeMessage, { type: "hello" | "note" }>) => void): (message: HubMessage) => void {
    this.#say = (message) => {
      if (!this.isDead) say(message);
    };
    return (message) => {
      if (!this.isDead) this.#receive(message);
    };
  }

  #receive(message: HubMessage): void {
    if (message.type === "start") for (const spec of message.tasks) this.#start(spec);
    else if (message.type === "end")
      for (const { task, reason } of message.tasks)
        this.#clock.after(1, () => this.#end(task, { reason: ended[reason], signal: "SIGTERM", exitCode: null }));
  }

  #start(spec: TaskSpec): void {
    const { lastsMs, end = {} } = this.#run(spec);
    const cancel = lastsMs === null ? () => {} : this.#clock.after(lastsMs, () => this.#end(spec.task, end));
    this.started.push(spec);
    this.running.set(spec.task, { spec, startedAt: this.#clock.now(), cancel });
    this.peak = Math.max(this.peak, this.running.size);
    const start = { task: spec.task, at: this.#clock.now(), pid: 1 };
    queueMicrotask(() => this.#say({ type: "started", tasks: [start] }));
  }

  #end(task: string, part: Partial<TaskEnd>): void {
    const run = this.running.get(task);
    if (!run) return;
    run.cancel();
    this.running.delete(task);
    const plain = {
      exitCode: 0,
      signal: null,
      reason: "exit",
      message: null,
      stderrTail: "",
      missingOutputs: [],
    } as const;
    this.#say({
      type: "ended",
      tasks: [{ task, startedAt: run.startedAt, at: this.#clock.now(), ...plain, ...part }],
    });
  }
}

const ended = {
  killed: "killed",
  released: "killed",
  limit: "limit",
  "allocation-end": "allocation-end",
} as const satisfies Record<EndReason, TaskEnd["reason"]>;
