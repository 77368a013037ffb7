/** The thread in which PGlite runs: takes protocol messages, answers in their order, ends itself at the first fault. */
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { messageOf } from "../../model/errors.ts";
import { createCluster } from "./pglite/create-cluster.ts";
import { Engine } from "./pglite/engine.ts";
import type { FromThread, ThreadSettings, ToThread } from "./pglite/thread-messages.ts";

/** Statements that share one sync of the log: as many as are there, but nobody waits long for those behind. */
const MOST_TOGETHER = 200;
const LONGEST_TOGETHER_MS = 10;

/** Runs what the main thread sends, in its order. */
class StatementQueue {
  readonly #engine: Engine;
  readonly #port: MessagePort;
  readonly #statements: Uint8Array[] = [];
  #answers: Uint8Array[] = [];
  #isClosing = false;
  #isRunning = false;

  constructor(engine: Engine, port: MessagePort) {
    this.#engine = engine;
    this.#port = port;
  }

  async take(message: ToThread): Promise<void> {
    this.#add(message);
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#statements.length > 0) {
      await this.#runTogether();
      await this.#engine.checkpointIfDue();
      this.#addArrived();
    }
    this.#isRunning = false;
    if (!this.#isClosing) return;
    await this.#engine.close();
    this.#say({ kind: "closed" });
    this.#port.close();
  }

  /** Runs some of the statements; their answers go out when all they did is on disk. */
  async #runTogether(): Promise<void> {
    const started = performance.now();
    this.#engine.deferLogSync();
    for (let count = 0; count < MOST_TOGETHER && performance.now() - started < LONGEST_TOGETHER_MS; count += 1) {
      const statement = this.#statements.shift();
      if (statement === undefined) break;
      await this.#engine.run(statement, (bytes, isLast) => {
        if (isLast) this.#answers.push(bytes);
        else {
          this.#release();
          this.#say({ kind: "piece", bytes, isLast });
          this.#engine.deferLogSync();
        }
      });
      if (this.#statements.length === 0) this.#addArrived();
    }
    this.#release();
  }

  #release(): void {
    this.#engine.syncLog();
    const answers = this.#answers;
    this.#answers = [];
    for (const bytes of answers) this.#say({ kind: "piece", bytes, isLast: true });
  }

  #add(message: ToThread): void {
    if (message.kind === "close") this.#isClosing = true;
    else this.#statements.push(...message.statements);
  }

  /** What came in while the engine ran. */
  #addArrived(): void {
    for (let next = receiveMessageOnPort(this.#port); next !== undefined; next = receiveMessageOnPort(this.#port)) {
      this.#add(next.message as ToThread);
    }
  }

  #say(message: FromThread): void {
    say(this.#port, message);
  }
}

function say(port: MessagePort, message: FromThread): void {
  port.postMessage(message, message.kind === "piece" ? [message.bytes.buffer as ArrayBuffer] : []);
}

async function main(port: MessagePort, { cluster, durable }: ThreadSettings): Promise<void> {
  // A failed engine is not closed: closing would write to files that only the log may repair.
  const giveUp = (error: unknown): never => {
    say(port, { kind: "fault", problem: messageOf(error) });
    port.close();
    process.exit(1);
  };
  try {
    await createCluster(cluster);
    const queue = new StatementQueue(await Engine.start({ directory: cluster, durable }), port);
    port.on("message", (message: ToThread) => void queue.take(message).catch(giveUp));
    say(port, { kind: "ready" });
  } catch (error) {
    giveUp(error);
  }
}

if (parentPort === null) throw new Error("the PGlite worker runs only as a worker thread");
await main(parentPort, workerData as ThreadSettings);
