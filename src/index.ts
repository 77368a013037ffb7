/** Conifer's SDK: `import { connect, defineApp } from "conifer"`. */

export {
  type AppInput,
  type DefinedApp,
  defineApp,
  type Hook,
  type HookContext,
  type HookJob,
  type Hooks,
} from "./app/define.ts";
export type { Access } from "./client/access.ts";
export type { Client } from "./client/client.ts";
export { type Conifer, type ConiferEvent, type ConnectOptions, connect } from "./client/connect.ts";
export type { JobConditions } from "./client/jobs/conditions.ts";
export type { Changed, Explanation, JobHandle, JobResult, LoadedJob } from "./client/jobs/handle.ts";
export type { CreateOptions, Jobs, NewJob, SomeJobs } from "./client/jobs/jobs.ts";
export type { JobQuery } from "./client/jobs/query.ts";
export type { Apps, BatchJobs, Sites } from "./client/places.ts";
export type { Tokens } from "./client/tokens.ts";
export type { Progress } from "./client/wait/progress.ts";
export type { WaitOptions } from "./client/wait/wait.ts";
export type {
  App,
  BatchJob,
  BatchState,
  Job,
  JobChange,
  JobCreate,
  JobEvent,
  Site,
  Token,
  User,
} from "./client/wire/entities.ts";
export type { Change } from "./client/wire/operations.ts";
export { ConiferError, type ErrorCode, isConiferError } from "./model/errors.ts";
export { FINAL_STATES, JOB_STATES, type JobState, RUNNABLE_STATES } from "./model/states.ts";
