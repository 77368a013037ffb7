import { isConiferError, messageOf } from "../../model/errors.ts";
import type { Bell } from "./bell.ts";

/** What a module tells of itself while it runs. */
export type Say = (state: "running" | "waiting", text: string) => void;

/** One part of the agent's work. It runs until the signal aborts; if it throws it is started again. */
export type AgentModule = {
  readonly name: string;
  readonly run: (signal: AbortSignal, say: Say) => Promise<void>;
};

export type Repetition = {
  readonly signal: AbortSignal;
  readonly say: Say;
  readonly bell: Bell;
  /** How long to wait for the bell after a step that went well, seconds. */
  readonly everySec: () => number;
};

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

/**
 * Does a step, waits for the bell or some time, and again. Where a step fails because somebody else is away (server,
 * scheduler, a token that is not accepted) that is no fault of the module: it says so, waits longer each time, and goes on.
 */
export async function repeat(step: () => Promise<void>, { signal, say, bell, everySec }: Repetition): Promise<void> {
  for (let outages = 0; !signal.aborted; ) {
    try {
      await step();
      outages = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (!isOutage(error)) throw error;
      outages += 1;
      say("waiting", messageOf(error));
    }
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (outages - 1), LONGEST_WAIT_MS);
    await bell.wait(outages > 0 ? waitMs * (0.5 + Math.random()) : everySec() * 1000, signal);
  }
}

/** Whether an error says that somebody else is away, as opposed to a fault of the caller's. */
export function isOutage(error: unknown): boolean {
  if (!isConiferError(error)) return false;
  const isRefusal = ["NOT_LOGGED_IN", "FORBIDDEN", "FINGERPRINT_MISMATCH", "NOT_FOUND"].includes(error.code);
  return isRefusal || (error.status >= 500 && error.code !== "INTERNAL");
}
