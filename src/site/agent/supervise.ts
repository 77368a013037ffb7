import { messageOf } from "../../model/errors.ts";
import { Bell } from "./bell.ts";
import type { AgentLog } from "./log.ts";
import type { AgentModule } from "./module.ts";

/** How a module fares, for `site status` and the server. */
export type ModuleReport = {
  readonly name: string;
  readonly state: "running" | "waiting" | "restarting" | "off";
  /** What it does or waits for, in words. */
  readonly text: string;
  readonly restarts: number;
  readonly lastFault: string | null;
  /** Since when it is in this state; ISO time. */
  readonly since: string;
};

export type SuperviseOptions = {
  readonly signal: AbortSignal;
  readonly log: AgentLog;
  /** Called whenever what it reports has changed. */
  readonly onChange: () => void;
  /** Waits before the first restart; doubled with each further one, up to a minute. Default 1,000. */
  readonly firstWaitMs?: number;
};

const LONGEST_WAIT_MS = 60_000;
/** A module that ran this long is taken for sound again. */
const SOUND_MS = 120_000;

/** Runs a module until the signal aborts, and starts it again, ever more slowly, whenever it throws or just ends. */
export class Supervisor {
  readonly #module: AgentModule;
  readonly #options: SuperviseOptions;
  #report: ModuleReport;

  constructor(module: AgentModule, options: SuperviseOptions) {
    this.#module = module;
    this.#options = options;
    const since = new Date().toISOString();
    this.#report = { name: module.name, state: "off", text: "", restarts: 0, lastFault: null, since };
  }

  get report(): ModuleReport {
    return this.#report;
  }

  async run(): Promise<void> {
    const { signal, log, firstWaitMs = 1000 } = this.#options;
    for (let faults = 0; !signal.aborted; ) {
      const startedAt = performance.now();
      this.#tell({ state: "running", text: "" });
      let fault = "it ended";
      try {
        await this.#module.run(signal, (state, text) => this.#tell({ state, text }));
      } catch (error) {
        fault = messageOf(error);
        if (!signal.aborted) log.error({ err: error, module: this.#module.name }, "a module failed");
      }
      if (signal.aborted) break;
      faults = performance.now() - startedAt > SOUND_MS ? 1 : faults + 1;
      const waitMs = Math.min(firstWaitMs * 2 ** (faults - 1), LONGEST_WAIT_MS);
      const text = `it starts again in ${Math.max(1, Math.round(waitMs / 1000))} s`;
      this.#tell({ state: "restarting", text, restarts: this.#report.restarts + 1, lastFault: fault });
      await new Bell().wait(waitMs, signal);
    }
    this.#tell({ state: "off", text: "" });
  }

  #tell(change: Partial<ModuleReport>): void {
    const isSame = Object.entries(change).every(([key, value]) => Reflect.get(this.#report, key) === value);
    if (isSame) return;
    const since = change.state === this.#report.state ? this.#report.since : new Date().toISOString();
    this.#report = { ...this.#report, ...change, since };
    this.#options.onChange();
  }
}
