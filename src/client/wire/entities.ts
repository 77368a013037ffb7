/** What the server's resources look like on the wire, as zod schemas; the server validates with these and the client's types come from them. */
import { z } from "zod";
import {
  appDefinitionSchema,
  environmentSchema,
  nameSchema,
  parameterValueSchema,
  resourcesSchema,
} from "../../app/definition.ts";
import { FAILURE_KINDS } from "../../model/attempts.ts";
import { JOB_STATES } from "../../model/states.ts";

export const idSchema = z.int().min(1);
export const timeSchema = z.string().describe("ISO 8601, UTC");
export const tagsSchema = z.record(z.string().min(1).max(256), z.string().max(4096));
const plain = (most: number) =>
  z
    .string()
    .max(most)
    .refine((value) => !value.includes("\0"), "holds a NUL byte");
const jsonObject = z.record(z.string(), z.json());
const relativePath = plain(1024).refine(
  (path) => path !== "" && !path.startsWith("/") && !path.split("/").includes(".."),
  "must be relative and may not contain ..",
);

export const siteSchema = z.object({
  id: idSchema,
  name: z.string(),
  /** The site's directory on its machine. */
  path: z.string(),
  hostname: z.string(),
  /** What the agent last told of itself: modules, queues, limits, why something is paused. */
  report: jsonObject,
  /** When its agent was last heard; null = never. */
  lastSeen: timeSchema.nullable(),
  created: timeSchema,
});
export const siteCreateSchema = z.strictObject({
  name: nameSchema,
  path: plain(4096).startsWith("/"),
  hostname: plain(256).default(""),
});

export const appSchema = appDefinitionSchema.extend({
  id: idSchema,
  siteId: idSchema,
  site: z.string(),
  /** Grows at each change; a pilot caches the definition under (id, version). */
  version: z.int(),
  updated: timeSchema,
});

export const BATCH_STATES = [
  "pending_submission",
  "queued",
  "running",
  "finished",
  "failed",
  "cancelled",
  "submit_failed",
  "pending_deletion",
] as const;
export const batchJobSchema = z.object({
  id: idSchema,
  siteId: idSchema,
  site: z.string(),
  state: z.enum(BATCH_STATES),
  /** The scheduler's id; null until submitted. */
  schedulerId: z.string().nullable(),
  queue: z.string(),
  project: z.string(),
  nodes: z.int(),
  wallTimeMin: z.number(),
  /** Its pilot takes only jobs with these tags. */
  filterTags: tagsSchema,
  options: jsonObject,
  /** Who asked: a user or the elastic queue. */
  origin: z.enum(["user", "elastic"]),
  /** The scheduler's or the agent's words on its state. */
  reason: z.string(),
  created: timeSchema,
  started: timeSchema.nullable(),
  ended: timeSchema.nullable(),
  /** When the scheduler expects it to start, while it is queued; when its time will be over, while it runs. */
  expected: timeSchema.nullable(),
});
export const batchJobCreateSchema = z.strictObject({
  site: z.union([idSchema, nameSchema]),
  nodes: z.int().min(1).default(1),
  wallTimeMin: z.number().positive().default(60),
  queue: plain(256).default(""),
  project: plain(256).default(""),
  filterTags: tagsSchema.default({}),
  options: jsonObject.default({}),
  origin: z.enum(["user", "elastic"]).default("user"),
});

export const dependencySchema = z.strictObject({
  /** Id of an existing job, or key of an item of the same request. */
  job: z.union([idSchema, z.string().min(1).max(256)]),
  /** When the child may run: the parent finished (ok), ended at all (any), or failed or was killed (failed). Default ok. */
  when: z.enum(["ok", "any", "failed"]).default("ok"),
});
export const inputSchema = z.strictObject({
  /** The parent whose workdir has the files. */
  from: z.union([idSchema, z.string().min(1).max(256)]),
  files: z.array(relativePath).min(1),
  mode: z.enum(["link", "copy"]).default("link"),
});
export const transferCreateSchema = z.strictObject({
  direction: z.enum(["in", "out"]),
  /** Alias of a location that the site allows. */
  location: nameSchema,
  remotePath: plain(4096).min(1),
  localPath: relativePath,
  recursive: z.boolean().default(false),
});

const jobChoices = {
  name: plain(256),
  workflow: plain(256),
  tags: tagsSchema,
  parameters: z.record(z.string(), parameterValueSchema),
  data: jsonObject,
  environment: environmentSchema,
  priority: z.int().min(-1_000_000).max(1_000_000),
  ...resourcesSchema.shape,
  /** Hard limit on the run time, seconds: a job over it is ended. null = none. */
  limitSec: z.number().positive().nullable(),
  maxAttempts: z.int().min(1).max(1000),
  maxLosses: z.int().min(0).max(1000),
  retryOn: z.array(z.enum(FAILURE_KINDS)),
  /** Extra arguments of the MPI launcher. */
  launchOptions: z.array(plain(4096)),
};
export const jobCreateSchema = z
  .strictObject({
    /** Name of this item within the request, for `parents` and `inputs` of other items. */
    key: z.string().min(1).max(256),
    app: z.union([idSchema, nameSchema]),
    /** Needed where the app is given by name and more than one site has it. */
    site: z.union([idSchema, nameSchema]),
    /** Relative to the site's data/; default <workflow or app>/<name>_<id>. */
    workdir: relativePath,
    parents: z.array(z.union([idSchema, z.string().min(1).max(256), dependencySchema])),
    inputs: z.array(inputSchema),
    transfers: z.array(transferCreateSchema),
    ...jobChoices,
  })
  .partial()
  .required({ app: true });
export type JobCreate = z.input<typeof jobCreateSchema>;

/** Fields that `job modify` may set; a running job takes the new values at its next attempt. */
export const jobChangeSchema = z.strictObject(jobChoices).partial();

export const jobSchema = z.object({
  id: idSchema,
  siteId: idSchema,
  site: z.string(),
  appId: idSchema,
  app: z.string(),
  workdir: z.string(),
  state: z.enum(JOB_STATES),
  parents: z.array(z.object({ job: idSchema, when: z.enum(["ok", "any", "failed"]) })),
  inputs: z.array(z.object({ from: idSchema, files: z.array(z.string()), mode: z.enum(["link", "copy"]) })),
  ...jobChoices,
  /** Attempts begun. */
  attempt: z.int(),
  /** Attempts lost with their pilot or node. */
  losses: z.int(),
  sessionId: idSchema.nullable(),
  batchJobId: idSchema.nullable(),
  exitCode: z.int().nullable(),
  /** Why it is in this state, in words. */
  reason: z.string(),
  killRequested: z.boolean(),
  created: timeSchema,
  updated: timeSchema,
  started: timeSchema.nullable(),
  ended: timeSchema.nullable(),
});

/** One step of a job's life: the states passed through, the last of them reached at `at`. */
export const jobEventSchema = z.object({
  id: idSchema,
  jobId: idSchema,
  at: timeSchema,
  from: z.enum(JOB_STATES),
  path: z.array(z.enum(JOB_STATES)),
  attempt: z.int(),
  sessionId: idSchema.nullable(),
  batchJobId: idSchema.nullable(),
  /** A message that came too late: recorded, and nothing was changed. */
  stale: z.boolean(),
  /** reason, exitCode, signal, stderrTail, node, cores, gpus, startedAt … */
  data: jsonObject,
});

export const transferSchema = transferCreateSchema.extend({
  id: idSchema,
  jobId: idSchema,
  state: z.enum(["awaiting_job", "pending", "active", "done", "error"]),
  reason: z.string(),
});

export const userSchema = z.object({ id: idSchema, name: z.string(), admin: z.boolean(), created: timeSchema });
export const tokenSchema = z.object({
  id: idSchema,
  userId: idSchema,
  label: z.string(),
  created: timeSchema,
  lastUsed: timeSchema.nullable(),
  expires: timeSchema.nullable(),
});

export type Site = z.output<typeof siteSchema>;
export type App = z.output<typeof appSchema>;
export type Job = z.output<typeof jobSchema>;
export type JobChange = z.input<typeof jobChangeSchema>;
export type JobEvent = z.output<typeof jobEventSchema>;
export type BatchJob = z.output<typeof batchJobSchema>;
export type BatchState = (typeof BATCH_STATES)[number];
export type Transfer = z.output<typeof transferSchema>;
export type User = z.output<typeof userSchema>;
export type Token = z.output<typeof tokenSchema>;
