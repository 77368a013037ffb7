import type { Client } from "../client.ts";
import { systemClock } from "../clock.ts";
import { startDeadline } from "./deadline.ts";
import type { Part } from "./parts.ts";
import { type Progress, toProgress } from "./progress.ts";
import { wakeUps } from "./wake-ups.ts";

export type WaitOptions = {
  /** Give up after so many seconds with TIMED_OUT. Default: never. */
  readonly timeoutSec?: number;
  /** Called at first and after each change. */
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
};

/** At most this share of the time is spent asking for counts. */
const REST_PER_ASKING = 4;
const LEAST_REST_MS = 20;
const MOST_REST_MS = 5000;

/** Waits until every job of every part has ended; answers the counts at that moment. Jobs that join meanwhile are waited for too. */
export async function waitForParts(client: Client, parts: readonly Part[], options: WaitOptions): Promise<Progress> {
  const deadline = startDeadline(options);
  const { signal } = deadline;
  try {
    const seen: (Progress | null)[] = parts.map(() => null);
    for await (const _ of wakeUps(client, { signal })) {
      const began = performance.now();
      for (const [index, part] of parts.entries()) {
        if (isOver(seen[index])) continue;
        const answer = await client.call("jobCounts", { query: { where: [...part.where] }, signal });
        seen[index] = toProgress(answer.counts);
      }
      const progress = toProgress(seen.flatMap((one) => countsOf(one)));
      options.onProgress?.(progress);
      if (seen.every(isOver)) return progress;
      const askingMs = performance.now() - began;
      const restMs = Math.min(Math.max(LEAST_REST_MS, askingMs * REST_PER_ASKING), MOST_REST_MS);
      await systemClock.sleep(restMs, signal);
    }
    throw signal.reason;
  } catch (error) {
    throw deadline.toThrow(error);
  }
}

const isOver = (progress: Progress | null | undefined): boolean =>
  progress !== null && progress !== undefined && progress.ended === progress.total;

function countsOf(progress: Progress | null): { key: string; count: number }[] {
  return Object.entries(progress?.byState ?? {}).map(([key, count]) => ({ key, count }));
}
