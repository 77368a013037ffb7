/**
 * The one place that moves jobs. It reads the rows of a batch under lock, decides by the pure model (`model/states.ts`,
 * `model/life.ts`, `model/attempts.ts`), and writes rows, events and children set-wise in the caller's transaction. Nothing
 * else may write `job_life.state`.
 *
 * - `moveJobs`, `killJobs` and `retryJobs` answer what changed; give that to `announce` after the commit.
 * - Whoever makes a job that depends on others must lock the parents' rows of `job_life` FOR SHARE before reading their
 *   states: a parent that ends at the same moment would not see the new child. `verdictOf` says what each state means.
 * - Whoever deletes jobs calls `parentsGone`, so that nothing waits for what is not there any more.
 */
export { announce } from "./announce.ts";
export type { Change, EventData, Refusal, Step } from "./decide.ts";
export { blockedBy, type DependencyCondition, verdictOf } from "./dependencies.ts";
export { type Killed, killJobs } from "./kill.ts";
export { type Moved, moveJobs, moveLocked, parentsGone } from "./move.ts";
export { type Needs, needsOf, toMib, toMilli, UNLIMITED } from "./needs.ts";
export { keepToIndexes } from "./plans.ts";
export { readPolicies } from "./policies.ts";
export { retryJobs } from "./retry.ts";
export { type LifeRow, lockLives } from "./rows.ts";
