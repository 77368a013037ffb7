import type { Acquire } from "../../../client/wire/sessions.ts";
import type { HubRoom } from "../room.ts";

export interface AcquireRules {
  /** Minutes left until everything must be over; null = no end. */
  readonly leftMin: number | null;
  /** How often the pilot is to be filled ahead (`pace.ts`). */
  readonly fills: number;
  /** Whether a wide job would be welcome. */
  readonly wantWide: boolean;
}

/** What to ask for; `memoryBytes` without a known memory is left unlimited. */
export type Wish = Pick<Acquire, "maxJobs" | "free" | "wallTimeLeftMin" | "wantWide">;

/** The most jobs that a pilot holds without having started them. */
const mostWaiting = 4096;

/**
 * What a pilot asks the server for, or null while it has enough. Beyond what is free it asks for what it will start
 * soon, and not before half of that is used up: a few large requests cost the server less than many small ones.
 */
export function planAcquire(room: HubRoom, { leftMin, fills, wantWide }: AcquireRules): Wish | null {
  if (leftMin !== null && leftMin <= 0) return null;
  if (room.nodes === 0) return null;
  const { free, capacity, waiting, reserved } = room;
  // In front of a wide task only what ends in time is of use, and taking it ahead is not.
  if (reserved !== null) return planBackfill(room, leftMin);
  const ahead = fills * capacity.cores;
  const cores = free.cores - waiting.cores + ahead;
  const maxJobs = Math.min(Math.floor(cores), mostWaiting - waiting.tasks);
  if (maxJobs < 1 || (waiting.tasks > 0 && cores < Math.min(ahead, mostWaiting) / 2)) return null;
  return {
    maxJobs,
    free: {
      cores,
      gpus: Math.max(0, free.gpus - waiting.gpus + fills * capacity.gpus),
      memoryBytes: memoryFor(room, free.memoryBytes - waiting.memoryBytes + fills * capacity.memoryBytes),
      wholeNodes: free.wholeNodes + Math.floor(fills * room.nodes),
    },
    wallTimeLeftMin: leftMin,
    wantWide,
  };
}

function planBackfill(room: HubRoom, leftMin: number | null): Wish | null {
  const { free, waiting, reserved } = room;
  const cores = free.cores - (waiting.cores - (reserved?.cores ?? 0));
  const minutes = Math.min(leftMin ?? Number.POSITIVE_INFINITY, (reserved?.inMs ?? 0) / 60_000);
  if (cores < 1 || minutes <= 0) return null;
  return {
    maxJobs: Math.min(Math.floor(cores), mostWaiting),
    free: {
      cores,
      gpus: free.gpus,
      memoryBytes: memoryFor(room, free.memoryBytes),
      wholeNodes: free.wholeNodes,
    },
    wallTimeLeftMin: minutes,
    wantWide: false,
  };
}

/** A pilot that does not count memory has enough of it. */
function memoryFor({ capacity }: HubRoom, bytes: number): number {
  return capacity.memoryBytes === 0 ? Number.MAX_SAFE_INTEGER : Math.max(0, bytes);
}
