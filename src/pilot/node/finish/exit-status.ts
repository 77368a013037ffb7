import { constants } from "node:os";

/** How a process ended. */
export interface Exit {
  readonly exitCode: number | null;
  readonly signal: string | null;
}

/**
 * Reads a shell's exit status: 128 + n stands for death by signal n. A program that itself exits with such a code
 * cannot be told apart, and by convention means the same (a shell passing on its child's death).
 */
export function readExitStatus(status: number): Exit {
  const signal = signalNames.get(status - 128);
  return signal === undefined ? { exitCode: status, signal: null } : { exitCode: null, signal };
}

/** Reversed, so that of two names of one number the usual one, which comes first, stays (SIGABRT, not SIGIOT). */
const signalNames = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);
