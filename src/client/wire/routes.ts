/**
 * Method and path of every operation, and nothing else: what the typed client needs at run time. The schemas in
 * operations.ts take 40 to 90 ms to load, which a command such as `job ls` must not pay; a test holds the two equal.
 */
import type { OperationName } from "./operations.ts";

/** `keyed` operations make work and take an Idempotency-Key. */
export type Route = readonly ["GET" | "POST" | "PATCH" | "DELETE", string, "keyed"?];

export const ROUTES = {
  health: ["GET", "/health"],
  status: ["GET", "/status"],
  whoami: ["GET", "/whoami"],
  userList: ["GET", "/users"],
  userCreate: ["POST", "/users"],
  userDelete: ["DELETE", "/users/:id"],
  tokenList: ["GET", "/tokens"],
  tokenCreate: ["POST", "/tokens"],
  tokenRevoke: ["DELETE", "/tokens/:id"],
  siteList: ["GET", "/sites"],
  siteCreate: ["POST", "/sites", "keyed"],
  siteGet: ["GET", "/sites/:id"],
  siteUpdate: ["PATCH", "/sites/:id"],
  siteDelete: ["DELETE", "/sites/:id"],
  siteHeartbeat: ["POST", "/sites/:id/heartbeat"],
  siteDemand: ["GET", "/sites/:id/demand"],
  hooksAcquire: ["POST", "/sites/:id/hooks/acquire"],
  hooksComplete: ["POST", "/sites/:id/hooks/complete"],
  appList: ["GET", "/apps"],
  appGet: ["GET", "/apps/:id"],
  appSync: ["POST", "/apps/sync"],
  appDelete: ["DELETE", "/apps/:id"],
  jobCreate: ["POST", "/jobs", "keyed"],
  jobList: ["GET", "/jobs"],
  jobCounts: ["GET", "/jobs/counts"],
  jobGet: ["GET", "/jobs/:id"],
  jobHistory: ["GET", "/jobs/:id/history"],
  jobExplain: ["GET", "/jobs/:id/explain"],
  jobUpdate: ["POST", "/jobs/update"],
  jobKill: ["POST", "/jobs/kill"],
  jobRetry: ["POST", "/jobs/retry"],
  jobDelete: ["POST", "/jobs/delete"],
  jobDependencies: ["POST", "/jobs/:id/dependencies"],
  jobTree: ["GET", "/jobs/:id/tree"],
  eventList: ["GET", "/events"],
  sessionList: ["GET", "/sessions"],
  sessionCreate: ["POST", "/sessions", "keyed"],
  sessionHeartbeat: ["POST", "/sessions/:id/heartbeat"],
  sessionAcquire: ["POST", "/sessions/:id/acquire"],
  sessionReport: ["POST", "/sessions/:id/report"],
  sessionRelease: ["POST", "/sessions/:id/release"],
  sessionEnd: ["DELETE", "/sessions/:id"],
  batchJobList: ["GET", "/batch-jobs"],
  batchJobCreate: ["POST", "/batch-jobs", "keyed"],
  batchJobGet: ["GET", "/batch-jobs/:id"],
  batchJobCancel: ["POST", "/batch-jobs/:id/cancel"],
  batchJobUpdate: ["POST", "/batch-jobs/update"],
  transferList: ["GET", "/transfers"],
  transferUpdate: ["POST", "/transfers/update"],
} as const satisfies Record<OperationName, Route>;

/** Routes that stream Server-Sent Events instead of answering once. */
export const STREAMS = {
  /** What changes: jobs, batch jobs, sites, sessions of this user. Query `site`, `where` (job filters are not applied; see docs/protocol.md). */
  events: "/events/stream",
  /** Wakes a pilot: data is a Commands object, or {} when there may be new runnable jobs. */
  sessionCommands: "/sessions/:id/commands",
} as const;
