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
  /** Tasks that come after another one. */
  readonly waiting = new Map<string, { readonly spec: TaskSpec; after: string }>();
  /** The most tasks at one time. */
  peak = 0;
  /** Says nothing and does nothing any more. */
  isDead = false;
  /** Tasks that are told to end take five seconds. */
  isSlowToEnd = false;
  /** Tasks of other nodes that it has a share of. */
  readonly shared = new Set<string>();
  /** Process ids that cannot be ended, said of every shared task that ends. */
  stuck: number[] = [];
  /** Shared tasks whose ends it does not confirm. */
  readonly unconfirmed: string[] = [];
  confirms = true;
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
    if (message.type === "start")
      for (const spec of message.tasks) {
        const after = spec.after ?? null;
        if (after !== null && (this.running.has(after) || this.waiting.has(after)))
          this.waiting.set(spec.task, { spec, after });
        else this.#start(spec);
      }
    else if (message.type === "share") {
      for (const { task } of message.begin) this.shared.add(task);
      for (const { task } of message.end)
        this.#clock.after(1, () => {
          this.shared.delete(task);
          if (this.confirms) this.#say({ type: "cleared", tasks: [{ task, left: this.stuck }] });
          else this.unconfirmed.push(task);
        });
    } else if (message.type === "end")
      for (const { task, reason, onlyWaiting = false } of message.tasks)
        this.#clock.after(this.isSlowToEnd ? 5000 : 1, () => {
          if (this.waiting.has(task)) this.#drop(task, ended[reason]);
          else if (!onlyWaiting) this.#end(task, { reason: ended[reason], signal: "SIGTERM", exitCode: null });
        });
  }

  #drop(task: string, reason: TaskEnd["reason"]): void {
    const dropped = this.waiting.get(task);
    this.waiting.delete(task);
    for (const other of this.waiting.values()) if (other.after === task) other.after = dropped?.after ?? "";
    const end = { task, startedAt: null, at: this.#clock.now(), exitCode: null, signal: null, reason } as const;
    this.#say({ type: "ended", tasks: [{ ...end, message: null, stderrTail: "", missingOutputs: [] }] });
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
    for (const [name, { spec, after }] of this.waiting)
      if (after === task) {
        this.waiting.delete(name);
        this.#start(spec);
      }
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
