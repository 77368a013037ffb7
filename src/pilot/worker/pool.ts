import type { Work } from "./messages.ts";
import { type CallEnd, type CallOptions, FunctionWorker } from "./process.ts";

export type PoolOptions = {
  /** Path of function-worker.js. */
  readonly program: string;
  /** An idle worker process is ended after so long. Default 60. */
  readonly idleSec?: number;
};

/** Function workers kept warm: a call takes an idle one or starts one. How many run at once is the caller's business. */
export class FunctionWorkers implements AsyncDisposable {
  readonly #options: PoolOptions;
  readonly #idle: { worker: FunctionWorker; timer: NodeJS.Timeout }[] = [];
  readonly #busy = new Set<FunctionWorker>();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  async call<W extends Work>(work: W, options: CallOptions): Promise<CallEnd<W>> {
    const worker = this.#take();
    this.#busy.add(worker);
    try {
      const end = await worker.call(work, options);
      if (end.kind === "overran" || end.kind === "crashed") await worker.end();
      return end;
    } finally {
      this.#busy.delete(worker);
      if (worker.isAlive) this.#keep(worker);
    }
  }

  /** Ends every worker, also those in the middle of a call (which then end as crashed). */
  async [Symbol.asyncDispose](): Promise<void> {
    const idle = this.#idle.splice(0);
    for (const { timer } of idle) clearTimeout(timer);
    await Promise.all([...idle.map(({ worker }) => worker.end()), ...[...this.#busy].map((worker) => worker.end())]);
  }

  #take(): FunctionWorker {
    for (let kept = this.#idle.pop(); kept !== undefined; kept = this.#idle.pop()) {
      clearTimeout(kept.timer);
      if (kept.worker.isAlive) return kept.worker;
    }
    return new FunctionWorker(this.#options.program);
  }

  #keep(worker: FunctionWorker): void {
    const timer = setTimeout(
      () => {
        const at = this.#idle.findIndex((kept) => kept.worker === worker);
        if (at >= 0) this.#idle.splice(at, 1);
        void worker.end();
      },
      (this.#options.idleSec ?? 60) * 1000,
    );
    this.#idle.push({ worker, timer });
  }
}
