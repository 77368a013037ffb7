import type { Handlers } from "../http/context.ts";
import { announce, retryJobs } from "../life/index.ts";
import { changeInBatches, countReasons } from "./batches.ts";

export const jobRetry = {
  async jobRetry(context, { body }) {
    const now = context.clock.now();
    return changeInBatches(context, body, async (tx, ids) => {
      const { changes, refused } = await retryJobs(tx, ids, now);
      return {
        changed: ids.length - refused.length,
        left: countReasons(refused.map(({ state }) => `${state} has not ended`)),
        announce: () => announce(context.changes, changes, now),
      };
    });
  },
} satisfies Partial<Handlers>;
