import type { Services } from "../http/context.ts";
import type { Clocks } from "./clocks.ts";
import { closeSession } from "./close.ts";

/** How far the wall clock may run from the other one between two looks before neither lease nor time is believed. */
const JUMP_MS = 5_000;

/**
 * Ends sessions whose lease has run out. It never takes time on trust: when the wall clock jumped, or when the process
 * itself was stopped for a while (and so could hear no heartbeat), every session gets one full lease first. The same after
 * the database was away: renewals that others heard could not be written meanwhile.
 */
export class Sweeper {
  readonly #services: Services;
  readonly #clocks: Clocks;
  #last: { wall: number; monotonic: number } | null = null;

  constructor(services: Services, clocks: Clocks) {
    this.#services = services;
    this.#clocks = clocks;
  }

  /** How often to sweep, milliseconds: some twenty times a lease, so that a session outlives it by 5 % at most. */
  get everyMs(): number {
    return Math.min(Math.max((this.#services.settings.leaseSec * 1000) / 20, 100), 15_000);
  }

  /** One sweep; answers the ids of the sessions it ended. */
  async sweep(): Promise<number[]> {
    const { log } = this.#services;
    const now = { wall: this.#clocks.now(), monotonic: this.#clocks.monotonic() };
    const last = this.#last;
    this.#last = now;
    const passed = last === null ? null : now.monotonic - last.monotonic;
    if (
      last === null ||
      passed === null ||
      passed > this.everyMs * 3 + JUMP_MS ||
      Math.abs(now.wall - last.wall - passed) > JUMP_MS
    ) {
      if (last !== null)
        log.warn(
          { wallMs: now.wall - last.wall, passedMs: passed },
          "the clock jumped or the server stood still: every session gets a full lease",
        );
      await this.#orDistrust(() => this.#services.sessions.grantAll());
      return [];
    }
    return this.#end(await this.#orDistrust(() => this.#findExpired(now.wall)), now.wall);
  }

  /** After a failure the next sweep grants everyone a lease. */
  async #orDistrust<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#last = null;
      throw error;
    }
  }

  async #findExpired(wall: number): Promise<number[]> {
    const { db, sessions } = this.#services;
    await sessions.flush();
    const { rows } = await db.query<{ id: number }>(
      "SELECT id FROM sessions WHERE ended IS NULL AND expires < $1 ORDER BY id",
      [new Date(wall)],
    );
    return rows.map(({ id }) => id);
  }

  async #end(ids: readonly number[], wall: number): Promise<number[]> {
    const { sessions } = this.#services;
    const ended: number[] = [];
    for (const id of ids) {
      if (sessions.isHeld(id)) continue;
      if (await closeSession(this.#services, id, { reason: "its lease ran out", ifExpiredBy: wall })) ended.push(id);
    }
    return ended;
  }
}
