import { Worker } from "node:worker_threads";
import type { AnswerReader } from "./answers.ts";
import type { FromThread, ThreadSettings, ToThread } from "./thread-messages.ts";
import { workerFile } from "./worker-file.ts";

/**
 * Enough for PostgreSQL to reach its own limit (max_stack_depth, 2 MB of its own stack) first and answer with an error. In
 * Node's usual 4 MB the engine dies of a recursion before that.
 */
const STACK_MB = 32;

/** For how long answers are read before other work of this thread gets a turn: many pieces may be there at once. */
const TURN_MS = 8;

type Pending = { readonly reader: AnswerReader; resolve(): void; reject(error: Error): void };

/** The thread stopped; the message is PostgreSQL's own last word where there is one. */
export class ThreadStopped extends Error {
  override readonly name = "ThreadStopped";
}

/** The thread in which one engine runs, from its start to its end. A stopped thread is never started again. */
export class EngineThread {
  /** Resolves when the thread is gone: with the reason, or with undefined after `close`. */
  readonly stopped: Promise<ThreadStopped | undefined>;
  readonly #worker: Worker;
  readonly #pending: Pending[] = [];
  #outbox: Uint8Array[] = [];
  readonly #inbox: FromThread[] = [];
  #spentMs = 0;
  #isPaused = false;
  #reason: ThreadStopped | undefined;
  #isStopped = false;
  #isClosing = false;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (message: FromThread) => this.#receive(message));
    worker.on("error", (error) => {
      this.#reason ??= new ThreadStopped(error.message, { cause: error });
    });
    this.stopped = new Promise((resolve) => {
      worker.once("exit", () => resolve(this.#stop()));
    });
  }

  /** Starts a thread and opens the cluster in it. Throws ThreadStopped when that fails. */
  static async start(settings: ThreadSettings): Promise<EngineThread> {
    const resourceLimits = { stackSizeMb: STACK_MB };
    const worker = new Worker(workerFile(), { name: "pglite", workerData: settings, resourceLimits });
    const thread = new EngineThread(worker);
    const ready = new Promise<void>((resolve) => {
      const hear = (message: FromThread): void => {
        if (message.kind !== "ready") return;
        worker.off("message", hear);
        resolve();
      };
      worker.on("message", hear);
    });
    const reason = await Promise.race([ready, thread.stopped]);
    if (thread.#isStopped) throw reason ?? new ThreadStopped("the engine's thread ended while it started");
    // An idle database keeps no process alive; one with work under way does.
    worker.unref();
    return thread;
  }

  /** Whether statements can still be run. */
  get isUp(): boolean {
    return !this.#isStopped && !this.#isClosing && this.#reason === undefined;
  }

  /** Sends a message at once, before any sent later; resolves when `reader` has read its whole answer. */
  run(message: Uint8Array, reader: AnswerReader): Promise<void> {
    if (!this.isUp) return Promise.reject(this.#reason ?? new ThreadStopped("the database is closed"));
    return new Promise((resolve, reject) => {
      this.#pending.push({ reader, resolve, reject });
      if (this.#pending.length === 1) this.#worker.ref();
      if (this.#outbox.length === 0) queueMicrotask(() => this.#post());
      this.#outbox.push(message);
    });
  }

  /** Lets the engine finish what it was sent, shut down in order and end its thread. */
  async close(): Promise<void> {
    if (this.#isStopped) return;
    this.#isClosing = true;
    this.#post();
    this.#worker.ref();
    this.#worker.postMessage({ kind: "close" } satisfies ToThread);
    await this.stopped;
  }

  /** Everything sent in one turn of the event loop crosses in one message; each statement's memory moves, uncopied. */
  #post(): void {
    if (this.#outbox.length === 0) return;
    const statements = this.#outbox;
    this.#outbox = [];
    const memory = statements.map((statement) => statement.buffer as ArrayBuffer);
    this.#worker.postMessage({ kind: "run", statements } satisfies ToThread, memory);
  }

  #receive(message: FromThread): void {
    this.#inbox.push(message);
    if (!this.#isPaused) this.#readInbox();
  }

  #readInbox(): void {
    const started = performance.now() - this.#spentMs;
    for (let message = this.#inbox.shift(); message !== undefined; message = this.#inbox.shift()) {
      this.#read(message);
      this.#spentMs = performance.now() - started;
      if (this.#spentMs > TURN_MS) {
        this.#isPaused = true;
        setImmediate(() => {
          this.#isPaused = false;
          this.#spentMs = 0;
          this.#readInbox();
        });
        return;
      }
    }
  }

  #read(message: FromThread): void {
    if (message.kind === "fault") this.#reason ??= new ThreadStopped(message.problem);
    if (message.kind !== "piece") return;
    const [current] = this.#pending;
    if (current === undefined) return;
    current.reader.push(message.bytes);
    if (!message.isLast) return;
    this.#pending.shift();
    if (this.#pending.length === 0 && !this.#isClosing) this.#worker.unref();
    current.resolve();
  }

  #stop(): ThreadStopped | undefined {
    this.#isStopped = true;
    for (const message of this.#inbox.splice(0)) this.#read(message);
    const orderly = this.#isClosing && this.#reason === undefined && this.#pending.length === 0;
    const reason = orderly ? undefined : (this.#reason ?? new ThreadStopped("the engine's thread ended"));
    for (const { reject } of this.#pending.splice(0)) reject(reason ?? new ThreadStopped("the database was closed"));
    return reason;
  }
}
