/** Something to wait for that may ring before anybody waits. */
export class Bell implements Disposable {
  readonly #takeDown: () => void;
  #hasRung = false;
  #wake: (() => void) | null = null;

  constructor(takeDown: () => void) {
    this.#takeDown = takeDown;
  }

  ring(): void {
    this.#hasRung = true;
    this.#wake?.();
  }

  /** Resolves when the bell has rung since the last time, after `ms` milliseconds, or when `signal` aborts; true where it rang. */
  async rung({ ms, signal }: { ms: number; signal: AbortSignal }): Promise<boolean> {
    if (!this.#hasRung && ms > 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", done);
          this.#wake = null;
          resolve();
        };
        const timer = setTimeout(done, ms);
        signal.addEventListener("abort", done, { once: true });
        this.#wake = done;
      });
    }
    const hasRung = this.#hasRung;
    this.#hasRung = false;
    return hasRung;
  }

  [Symbol.dispose](): void {
    this.#takeDown();
  }
}
