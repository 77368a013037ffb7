import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { messageOf } from "../../model/errors.ts";
import type { FromWorker, Question, ResultOf, ToWorker, Work } from "./messages.ts";

/** How a call ended. `crashed` is not the function's own doing as far as anybody can tell: its process died. */
export type CallEnd<W extends Work> =
  | { readonly kind: "returned"; readonly value: ResultOf<W> }
  | { readonly kind: "threw"; readonly message: string; readonly stack: string }
  | { readonly kind: "overran"; readonly limitSec: number }
  | { readonly kind: "crashed"; readonly how: string };

export type CallOptions = {
  readonly limitSec: number;
  /** Answers what the function asks; an error is thrown in the function. */
  readonly answer?: (question: Question) => Promise<unknown>;
};

/** On a busy login node even a small program takes its time. */
const START_MS = 60_000;

/** One function worker process; made for many calls, one at a time. After `overran`, `crashed` or `end` it is gone. */
export class FunctionWorker {
  readonly #child: ChildProcess;
  readonly #ready: Promise<boolean>;
  readonly #ended: Promise<string>;
  #calls = 0;
  #alive = true;

  /** Starts the process; `program` is the path of function-worker.js. */
  constructor(program: string) {
    const child = spawn(process.execPath, ["--enable-source-maps", program], {
      detached: true,
      stdio: ["ignore", "ignore", "ignore", "ipc", "pipe"],
      env: withoutSecrets(process.env),
    });
    this.#child = child;
    (child.stdio[4] as Readable | undefined)?.on("error", () => undefined);
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => resolve(messageOf(error)));
      // The last message may still be on its way when the process has ended; the channel closes after it.
      const channel = new Promise<void>((closed) => child.once("disconnect", closed));
      child.once("exit", (code, signal) => {
        void channel.then(() => resolve(signal === null ? `exit code ${code}` : signal));
      });
    });
    void this.#ended.then(() => {
      this.#alive = false;
    });
    const isUp = new Promise<boolean>((resolve) => child.once("message", () => resolve(true)));
    this.#ready = Promise.race([isUp, this.#ended.then(() => false)]);
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  /** Makes a call; its time counts from when the process is up. */
  async call<W extends Work>(work: W, options: CallOptions): Promise<CallEnd<W>> {
    if (!(await this.#isReady())) {
      this.#kill();
      return { kind: "crashed", how: `it did not start: ${await this.#ended}` };
    }
    this.#calls += 1;
    const id = this.#calls;
    const child = this.#child;
    let timer: NodeJS.Timeout | undefined;
    let listen: ((message: FromWorker) => void) | undefined;
    const answered = new Promise<CallEnd<W>>((resolve) => {
      listen = (message) => {
        if (message.type === "ask") void this.#answer(message.ask, message.question, options);
        else if (message.type === "ended" && message.id === id) {
          resolve(this.#toEnd(message));
        }
      };
      child.on("message", listen);
      timer = setTimeout(() => {
        this.#kill();
        resolve({ kind: "overran", limitSec: options.limitSec });
      }, options.limitSec * 1000);
      void this.#ended.then((how) => resolve({ kind: "crashed", how }));
    });
    this.#send({ type: "call", id, work });
    try {
      return await answered;
    } finally {
      clearTimeout(timer);
      if (listen) child.off("message", listen);
    }
  }

  /** Ends the process and all it started; resolves when it is gone. */
  async end(): Promise<void> {
    this.#kill();
    await this.#ended;
  }

  async #isReady(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, START_MS, false);
    });
    const isReady = await Promise.race([this.#ready, late]);
    clearTimeout(timer);
    return isReady;
  }

  async #answer(ask: number, question: Question, { answer }: CallOptions): Promise<void> {
    try {
      const value = answer ? await answer(question) : null;
      this.#send({ type: "answer", ask, value, error: null });
    } catch (error) {
      this.#send({ type: "answer", ask, value: null, error: messageOf(error) });
    }
  }

  #send(message: ToWorker): void {
    if (this.#alive) this.#child.send(message, () => undefined);
  }

  #toEnd<W extends Work>(message: FromWorker & { type: "ended" }): CallEnd<W> {
    if (message.ok) return { kind: "returned", value: message.value as ResultOf<W> };
    if (message.leaves) this.#kill();
    return { kind: "threw", message: message.message, stack: message.stack };
  }

  /** The whole group: a hook's own programs go with it. */
  #kill(): void {
    const { pid } = this.#child;
    if (!this.#alive || pid === undefined) return;
    this.#alive = false;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      this.#child.kill("SIGKILL");
    }
  }
}

/** A hook works through its context; tokens of the program that started it are none of its business. */
function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("CONIFER_")));
}
