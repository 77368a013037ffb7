/**
 * Every operation of the API, as data: the server registers and validates from this table, the typed client calls
 * through it, and the OpenAPI document is made of it.
 */
import { z } from "zod";
import { appDefinitionSchema, nameSchema } from "../../app/definition.ts";
import { JOB_STATES } from "../../model/states.ts";
import {
  appSchema,
  BATCH_STATES,
  batchJobCreateSchema,
  batchJobSchema,
  dependencySchema,
  idSchema,
  jobChangeSchema,
  jobCreateSchema,
  jobEventSchema,
  jobSchema,
  siteCreateSchema,
  siteSchema,
  type tagsSchema,
  timeSchema,
  tokenSchema,
  transferSchema,
  userSchema,
} from "./entities.ts";
import {
  acquireAnswerSchema,
  acquireSchema,
  commandsSchema,
  demandSchema,
  hookOutcomeSchema,
  hookTaskSchema,
  reportAnswerSchema,
  reportSchema,
  sessionCreateSchema,
  sessionSchema,
} from "./sessions.ts";

export type Operation = {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
  /** Who may call it: anyone, any user (default), or an admin. */
  readonly access?: "anyone" | "user" | "admin";
  /** Makes work: takes an Idempotency-Key header. */
  readonly idempotent?: boolean;
};

const op = <const T extends Operation>(operation: T): T => operation;
const repeated = z.preprocess(
  (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]),
  z.array(z.string()),
);
const flag = z.preprocess((value) => value === true || value === "true" || value === "1", z.boolean());
const count = z.coerce.number().int();

/** Filters of one list: `where` may be repeated, see model/filter.ts. */
export const listQuerySchema = z.strictObject({
  where: repeated.default([]),
  /** Fields to order by, e.g. `-priority,id`. Default id. */
  order: z.string().optional(),
  /** Rows of a page. Default 100. */
  limit: count.min(0).max(10_000).default(100),
  /** The `next` of the page before. */
  after: z.string().optional(),
  /** Also count all that match. */
  total: flag.default(false),
});
const page = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next: z.string().nullable(), total: z.int().nullable() });

/** Jobs named by ids or by filters: exactly one of the two must be given (the server refuses both and neither), so that nothing never means everything. */
const selection = { ids: z.array(idSchema).max(1_000_000).optional(), where: z.array(z.string()).min(1).optional() };
const selecting = <T extends z.ZodRawShape>(shape: T) => z.strictObject({ ...selection, ...shape });
const changed = z.object({
  /** Jobs that matched. */ matched: z.int(),
  /** Jobs that were changed. */ changed: z.int(),
  /** Why others were not, each with how many. */ left: z.array(z.object({ reason: z.string(), count: z.int() })),
});
const counts = z.array(z.object({ key: z.string(), count: z.int() }));
const none = z.null();

export const operations = {
  health: op({
    method: "GET",
    path: "/health",
    summary: "Whether the server answers",
    access: "anyone",
    response: z.object({
      ok: z.literal(true),
      version: z.string(),
      /** The server's clock. */ now: timeSchema,
    }),
  }),
  status: op({
    method: "GET",
    path: "/status",
    summary: "The server at a glance",
    response: z.object({
      version: z.string(),
      engine: z.enum(["pglite", "postgres"]),
      database: z.string(),
      pid: z.int(),
      uptimeSec: z.number(),
      leaseSec: z.number(),
      jobsByState: counts,
      sessions: z.int(),
      /** How long the database takes now to answer a small question. */ databaseBusyMs: z.number(),
      /** Age of `jobsByState` and `sessions`: they are told from memory. */ ageSec: z.number(),
    }),
  }),
  whoami: op({ method: "GET", path: "/whoami", summary: "The user of this token", response: userSchema }),
  userList: op({
    method: "GET",
    path: "/users",
    summary: "List users",
    access: "admin",
    response: z.object({ items: z.array(userSchema) }),
  }),
  userCreate: op({
    method: "POST",
    path: "/users",
    summary: "Add a user; answers a first token, shown once",
    access: "admin",
    body: z.strictObject({ name: nameSchema, admin: z.boolean().default(false) }),
    response: z.object({ user: userSchema, token: z.string() }),
  }),
  userDelete: op({
    method: "DELETE",
    path: "/users/:id",
    summary: "Remove a user with all that is theirs",
    access: "admin",
    response: none,
  }),
  tokenList: op({
    method: "GET",
    path: "/tokens",
    summary: "List your tokens",
    response: z.object({ items: z.array(tokenSchema) }),
  }),
  tokenCreate: op({
    method: "POST",
    path: "/tokens",
    summary: "Make a token; its text is shown once",
    body: z.strictObject({
      label: z.string().max(256).default(""),
      expiresSec: z.number().positive().nullable().default(null),
    }),
    response: z.object({ token: z.string(), info: tokenSchema }),
  }),
  tokenRevoke: op({ method: "DELETE", path: "/tokens/:id", summary: "Revoke a token", response: none }),

  siteList: op({
    method: "GET",
    path: "/sites",
    summary: "List sites",
    response: z.object({ items: z.array(siteSchema) }),
  }),
  siteCreate: op({
    method: "POST",
    path: "/sites",
    summary: "Register a site",
    body: siteCreateSchema,
    response: siteSchema,
    idempotent: true,
  }),
  siteGet: op({ method: "GET", path: "/sites/:id", summary: "Show a site", response: siteSchema }),
  siteUpdate: op({
    method: "PATCH",
    path: "/sites/:id",
    summary: "Rename or move a site",
    // Without its default: a host name left out of a change stays as it is.
    body: siteCreateSchema.extend({ hostname: siteCreateSchema.shape.hostname.unwrap() }).partial(),
    response: siteSchema,
  }),
  siteDelete: op({
    method: "DELETE",
    path: "/sites/:id",
    summary: "Remove a site with its apps, jobs and batch jobs",
    response: none,
  }),
  siteHeartbeat: op({
    method: "POST",
    path: "/sites/:id/heartbeat",
    summary: "The agent lives, and how it fares",
    body: z.strictObject({ report: z.record(z.string(), z.json()), hostname: z.string().optional() }),
    response: z.object({ ok: z.literal(true) }),
  }),
  siteDemand: op({
    method: "GET",
    path: "/sites/:id/demand",
    summary: "What the runnable jobs of a site need, grouped by shape",
    query: z.strictObject({ tags: z.string().optional().describe("JSON object of tags") }),
    response: demandSchema,
  }),
  hooksAcquire: op({
    method: "POST",
    path: "/sites/:id/hooks/acquire",
    summary: "Take jobs whose hook must run now",
    body: z.strictObject({
      max: z.int().min(1).max(1000),
      leaseSec: z.number().positive().max(86_400).default(600),
      waitSec: z.number().min(0).max(60).default(0),
      /** Of an agent that has just started: also take what an earlier agent of the site took and has not completed. */
      takeOver: z.boolean().default(false),
    }),
    response: z.object({ tasks: z.array(hookTaskSchema) }),
  }),
  hooksComplete: op({
    method: "POST",
    path: "/sites/:id/hooks/complete",
    summary: "Commit what hooks decided; a repeat changes nothing",
    body: z.strictObject({ outcomes: z.array(hookOutcomeSchema).max(1000) }),
    response: z.object({
      applied: z.int(),
      repeated: z.int(),
      rejected: z.array(z.object({ job: idSchema, why: z.string() })),
    }),
  }),

  appList: op({
    method: "GET",
    path: "/apps",
    summary: "List apps",
    query: z.strictObject({ site: z.string().optional(), name: z.string().optional() }),
    response: z.object({ items: z.array(appSchema) }),
  }),
  appGet: op({ method: "GET", path: "/apps/:id", summary: "Show an app", response: appSchema }),
  appSync: op({
    method: "POST",
    path: "/apps/sync",
    summary: "Create or update apps of a site",
    body: z.strictObject({
      site: z.union([idSchema, z.string()]),
      apps: z.array(appDefinitionSchema).max(10_000),
      /** Also remove apps of the site that are not named and have no jobs. */ prune: z.boolean().default(false),
    }),
    response: z.object({ items: z.array(appSchema), created: z.int(), updated: z.int(), removed: z.int() }),
  }),
  appDelete: op({ method: "DELETE", path: "/apps/:id", summary: "Remove an app with its jobs", response: none }),

  jobCreate: op({
    method: "POST",
    path: "/jobs",
    summary: "Create jobs, all or none; also as application/x-ndjson, one job a line",
    idempotent: true,
    body: z.strictObject({ jobs: z.array(jobCreateSchema).min(1).max(100_000) }),
    response: z.object({ ids: z.array(idSchema) }),
  }),
  jobList: op({
    method: "GET",
    path: "/jobs",
    summary: "List jobs",
    query: listQuerySchema,
    response: page(jobSchema),
  }),
  jobCounts: op({
    method: "GET",
    path: "/jobs/counts",
    summary: "Count jobs by a field",
    query: z.strictObject({
      where: repeated.default([]),
      by: z.enum(["state", "app", "site", "workflow"]).default("state"),
    }),
    response: z.object({ counts, total: z.int() }),
  }),
  jobGet: op({ method: "GET", path: "/jobs/:id", summary: "Show a job", response: jobSchema }),
  jobHistory: op({
    method: "GET",
    path: "/jobs/:id/history",
    summary: "Every step of a job's life",
    response: z.object({ items: z.array(jobEventSchema) }),
  }),
  jobExplain: op({
    method: "GET",
    path: "/jobs/:id/explain",
    summary: "Why a job is where it is, and what it waits for",
    response: z.object({
      state: z.enum(JOB_STATES),
      summary: z.string(),
      reasons: z.array(z.string()),
      hints: z.array(z.string()),
    }),
  }),
  jobUpdate: op({
    method: "POST",
    path: "/jobs/update",
    summary: "Change fields of jobs",
    body: selecting({ set: jobChangeSchema }),
    response: changed,
  }),
  jobKill: op({
    method: "POST",
    path: "/jobs/kill",
    summary: "End jobs; a running process is really ended",
    body: selecting({
      reason: z.string().max(4096).default("killed by its user"),
      recursive: z.boolean().default(false),
    }),
    response: changed,
  }),
  jobRetry: op({
    method: "POST",
    path: "/jobs/retry",
    summary: "Run ended jobs again",
    body: selecting({}),
    response: changed,
  }),
  jobDelete: op({
    method: "POST",
    path: "/jobs/delete",
    summary: "Delete jobs; a running one must be killed first",
    body: selecting({}),
    response: changed,
  }),
  jobDependencies: op({
    method: "POST",
    path: "/jobs/:id/dependencies",
    summary: "Make a waiting job depend on others",
    body: z.strictObject({ parents: z.array(dependencySchema.extend({ job: idSchema })).min(1) }),
    response: jobSchema,
  }),
  jobTree: op({
    method: "GET",
    path: "/jobs/:id/tree",
    summary: "Ancestors and descendants of a job",
    response: z.object({ jobs: z.array(jobSchema), truncated: z.boolean() }),
  }),

  eventList: op({
    method: "GET",
    path: "/events",
    summary: "List events of jobs",
    query: listQuerySchema,
    response: page(jobEventSchema),
  }),

  sessionList: op({
    method: "GET",
    path: "/sessions",
    summary: "List sessions that live",
    query: z.strictObject({ site: z.string().optional() }),
    response: z.object({ items: z.array(sessionSchema) }),
  }),
  sessionCreate: op({
    method: "POST",
    path: "/sessions",
    summary: "Start a pilot's session",
    body: sessionCreateSchema,
    response: sessionSchema,
    idempotent: true,
  }),
  sessionHeartbeat: op({
    method: "POST",
    path: "/sessions/:id/heartbeat",
    summary: "Renew the lease",
    body: z.strictObject({}),
    response: z.object({ leaseSec: z.number(), commands: commandsSchema }),
  }),
  sessionAcquire: op({
    method: "POST",
    path: "/sessions/:id/acquire",
    summary: "Take jobs that fit what is free",
    body: acquireSchema,
    response: acquireAnswerSchema,
  }),
  sessionReport: op({
    method: "POST",
    path: "/sessions/:id/report",
    summary: "Tell what became of jobs",
    body: reportSchema,
    response: reportAnswerSchema,
  }),
  sessionRelease: op({
    method: "POST",
    path: "/sessions/:id/release",
    summary: "Give back jobs that have not started",
    body: z.strictObject({ jobs: z.array(idSchema).max(100_000) }),
    response: z.object({ released: z.int() }),
  }),
  sessionEnd: op({
    method: "DELETE",
    path: "/sessions/:id",
    summary: "End a session: its running jobs time out, the others are free again",
    query: z.strictObject({ reason: z.string().max(4096).default("its pilot ended") }),
    response: none,
  }),

  batchJobList: op({
    method: "GET",
    path: "/batch-jobs",
    summary: "List batch jobs",
    query: listQuerySchema,
    response: page(batchJobSchema),
  }),
  batchJobCreate: op({
    method: "POST",
    path: "/batch-jobs",
    summary: "Ask for an allocation",
    idempotent: true,
    body: batchJobCreateSchema,
    response: batchJobSchema,
  }),
  batchJobGet: op({ method: "GET", path: "/batch-jobs/:id", summary: "Show a batch job", response: batchJobSchema }),
  batchJobCancel: op({
    method: "POST",
    path: "/batch-jobs/:id/cancel",
    summary: "Give up an allocation",
    body: z.strictObject({ reason: z.string().max(4096).default("cancelled by its user") }),
    response: batchJobSchema,
  }),
  batchJobUpdate: op({
    method: "POST",
    path: "/batch-jobs/update",
    summary: "What the scheduler says (for the site agent)",
    body: z.strictObject({
      items: z
        .array(
          z.strictObject({
            id: idSchema,
            state: z.enum(BATCH_STATES).optional(),
            schedulerId: z.string().optional(),
            reason: z.string().optional(),
            started: timeSchema.optional(),
            ended: timeSchema.optional(),
          }),
        )
        .max(10_000),
    }),
    response: z.object({ changed: z.int() }),
  }),

  transferList: op({
    method: "GET",
    path: "/transfers",
    summary: "List transfers",
    query: z.strictObject({
      job: count.optional(),
      state: z.string().optional(),
      site: z.string().optional(),
      after: count.optional(),
      limit: count.min(1).max(10_000).default(1000),
    }),
    response: z.object({ items: z.array(transferSchema) }),
  }),
  transferUpdate: op({
    method: "POST",
    path: "/transfers/update",
    summary: "Tell what became of transfers",
    body: z.strictObject({
      items: z
        .array(
          z.strictObject({
            id: idSchema,
            state: z.enum(["pending", "active", "done", "error"]),
            reason: z.string().max(8192).default(""),
          }),
        )
        .max(10_000),
    }),
    response: z.object({ changed: z.int() }),
  }),
} as const satisfies Record<string, Operation>;

export type Operations = typeof operations;
export type OperationName = keyof Operations;
export type QueryOf<N extends OperationName> = Operations[N] extends { query: infer Q extends z.ZodType }
  ? z.output<Q>
  : undefined;
export type QueryInput<N extends OperationName> = Operations[N] extends { query: infer Q extends z.ZodType }
  ? z.input<Q>
  : undefined;
export type BodyOf<N extends OperationName> = Operations[N] extends { body: infer B extends z.ZodType }
  ? z.output<B>
  : undefined;
export type BodyInput<N extends OperationName> = Operations[N] extends { body: infer B extends z.ZodType }
  ? z.input<B>
  : undefined;
export type AnswerOf<N extends OperationName> = z.output<Operations[N]["response"]>;

export { STREAMS } from "./routes.ts";

/** What the event stream carries; `event:` is the kind. */
export const changeSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("jobs"),
    siteId: idSchema,
    /** State reached → ids (at most 1,000 in all; `truncated` when more). */ states: z.partialRecord(
      z.enum(JOB_STATES),
      z.array(idSchema),
    ),
    truncated: z.boolean(),
    at: timeSchema,
  }),
  z.object({
    kind: z.literal("batchJob"),
    siteId: idSchema,
    id: idSchema,
    state: z.enum(BATCH_STATES),
    at: timeSchema,
  }),
  z.object({ kind: z.literal("site"), siteId: idSchema, at: timeSchema }),
]);
export type Change = z.output<typeof changeSchema>;
export type Tags = z.output<typeof tagsSchema>;
