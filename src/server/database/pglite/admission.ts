type Entry = { readonly isExclusive: boolean; start(): void; cancel(error: Error): void };

/**
 * Who may use the one connection, in the order of asking: single statements one after the other without waiting for each
 * other's answers, a transaction alone from its BEGIN to its end. Nobody enters while the gate is closed, that is, while
 * the engine is down. Everything happens in the caller's own turn of the event loop, so no statement can slip into
 * another's transaction.
 */
export class Admission {
  readonly #queue: Entry[] = [];
  #isHeld = false;
  #isOpen = false;

  /** Calls `start` when it is this statement's turn, or rejects. What `start` returns is the statement's outcome. */
  enter<T>(start: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = (): void => void start().then(resolve, reject);
      this.#add({ isExclusive: false, start: run, cancel: reject });
    });
  }

  /** Runs `work` alone: nobody else enters before it has settled. */
  hold<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const release = (): void => {
        this.#isHeld = false;
        this.#admit();
      };
      const run = (): void => void work().finally(release).then(resolve, reject);
      this.#add({ isExclusive: true, start: run, cancel: reject });
    });
  }

  open(): void {
    this.#isOpen = true;
    this.#admit();
  }

  close(): void {
    this.#isOpen = false;
  }

  /** Rejects all who wait. */
  cancelAll(error: Error): void {
    for (const entry of this.#queue.splice(0)) entry.cancel(error);
  }

  #add(entry: Entry): void {
    this.#queue.push(entry);
    this.#admit();
  }

  #admit(): void {
    while (this.#isOpen && !this.#isHeld) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#isHeld = next.isExclusive;
      next.start();
    }
  }
}
