import { ConiferError, isConiferError } from "../../../model/errors.ts";

const FIRST_PAUSE_SEC = 5;
const LONGEST_PAUSE_SEC = 120;

/**
 * Leaves a scheduler that does not answer in peace: after each silence it is not asked again for a while, which doubles
 * up to two minutes; until then the last silence is told again.
 */
export class Silence {
  readonly #now: () => number;
  #error: ConiferError | null = null;
  #until = 0;
  #count = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Asks, unless there is a pause. */
  async keep<T>(ask: () => Promise<T>): Promise<T> {
    if (this.#error !== null && this.#now() < this.#until) {
      const seconds = Math.ceil((this.#until - this.#now()) / 1000);
      const { values } = this.#error;
      throw new ConiferError("SCHEDULER_SILENT", {
        ...values,
        isRepeated: true,
        problem: `${values.problem} (asked again in ${seconds} s)`,
      });
    }
    try {
      const answer = await ask();
      this.#error = null;
      this.#count = 0;
      return answer;
    } catch (error) {
      if (!isConiferError(error) || error.code !== "SCHEDULER_SILENT") throw error;
      this.#error = error;
      this.#until = this.#now() + Math.min(FIRST_PAUSE_SEC * 2 ** this.#count, LONGEST_PAUSE_SEC) * 1000;
      this.#count += 1;
      throw error;
    }
  }
}
