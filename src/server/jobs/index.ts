/** Jobs: created in bulk, found by filters, changed in batches, explained. What moves them is in life/. */
import { jobCreate } from "./create.ts";
import { jobDelete } from "./delete.ts";
import { jobDependencies } from "./dependencies.ts";
import { jobExplain } from "./explain/index.ts";
import { jobKill } from "./kill.ts";
import { jobLists } from "./lists.ts";
import { jobRetry } from "./retry.ts";
import { jobUpdate } from "./update.ts";

export type { CreatedJobs, CreateRequest, JobItem } from "./create/index.ts";

export const jobHandlers = {
  ...jobCreate,
  ...jobLists,
  ...jobUpdate,
  ...jobKill,
  ...jobRetry,
  ...jobDelete,
  ...jobDependencies,
  ...jobExplain,
};
