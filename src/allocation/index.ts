/**
 * Allocations: submitting and following them through any scheduler, and deciding how many there should be. A site's
 * batch jobs and a flow's blocks both go through here; which scheduler it is, and whose jobs they are, is not known here.
 */
export {
  decide,
  type ElasticAllocation,
  type ElasticDecision,
  type ElasticHistory,
  type ElasticInput,
  type ElasticLimits,
  type ElasticPolicy,
} from "./decide.ts";
export {
  type AllocationWish,
  type FollowOptions,
  followAllocations,
  type NotAsked,
  type Standing,
  type Unseen,
} from "./follow.ts";
