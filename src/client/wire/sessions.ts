/** What a pilot and the server say to each other under a session, and what a site agent says of hooks. See docs/protocol.md. */
import { z } from "zod";
import { FAILURE_KINDS } from "../../model/attempts.ts";
import { HOOK_NAMES } from "../../model/states.ts";
import { appSchema, idSchema, jobCreateSchema, jobSchema, tagsSchema, timeSchema } from "./entities.ts";

export const capacitySchema = z.object({
  cores: z.number().min(0),
  gpus: z.number().min(0),
  memoryBytes: z.number().min(0),
});

export const sessionSchema = z.object({
  id: idSchema,
  siteId: idSchema,
  batchJobId: idSchema.nullable(),
  label: z.string(),
  /** The lease, seconds: without a heartbeat (or any other call) for this long the session ends. */
  leaseSec: z.number(),
  created: timeSchema,
  lastSeen: timeSchema,
  ended: timeSchema.nullable(),
  endReason: z.string(),
});
export const sessionCreateSchema = z.strictObject({
  site: z.union([idSchema, z.string().min(1)]),
  /** The batch job this pilot runs in. */
  batchJob: idSchema.nullable().default(null),
  label: z.string().max(256).default(""),
  /** Nodes of the pilot, and what each has. */
  nodes: z.int().min(1),
  capacity: capacitySchema,
});

export const acquireSchema = z.strictObject({
  /** At most this many jobs. */
  maxJobs: z.int().min(0).max(10_000),
  /** What is free now, summed over nodes; `wholeNodes` are the nodes with nothing on them. Jobs are fitted to this in order; one that does not fit is passed over. */
  free: capacitySchema.extend({ wholeNodes: z.number().min(0) }),
  /** Minutes left in the allocation; jobs expected to take longer are left alone. null = no end. 0 = nothing but jobs of unknown length is refused too. */
  wallTimeLeftMin: z.number().min(0).nullable(),
  /** Only jobs with all these tags. */
  tags: tagsSchema.default({}),
  /** Only jobs of these apps (names); empty = any. */
  apps: z.array(z.string()).default([]),
  /** Also hand out one job that is too wide for what is free but not for the pilot; the hub reserves nodes for it. */
  wantWide: z.boolean().default(false),
  /** Wait up to this many seconds for a first job, then answer with none. At most 60. */
  waitSec: z.number().min(0).max(60).default(0),
  /** App definitions the pilot has already: "id:version". */
  knownApps: z.array(z.string()).default([]),
  /** After a call that got no answer: the ids the pilot knows it holds; the answer then starts with those it holds but never heard of. */
  resume: z.array(idSchema).nullable().default(null),
});

export const offerSchema = z.object({
  job: idSchema,
  attempt: z.int(),
  appId: idSchema,
  appVersion: z.int(),
  ...jobSchema.pick({
    name: true,
    workflow: true,
    workdir: true,
    parameters: true,
    environment: true,
    priority: true,
    limitSec: true,
    launchOptions: true,
    nodes: true,
    ranksPerNode: true,
    threadsPerRank: true,
    threadsPerCore: true,
    gpusPerRank: true,
    memoryPerNodeBytes: true,
    nodePackingCount: true,
    wallTimeMin: true,
  }).shape,
  /** Files to bring in from parents' workdirs (relative to the site's data/). */
  inputs: z.array(z.object({ fromWorkdir: z.string(), files: z.array(z.string()), mode: z.enum(["link", "copy"]) })),
  /** True for the one job that does not fit yet: reserve for it. */
  wide: z.boolean(),
});

/** What the server wants of a pilot; told by heartbeat answers, by the session's event stream and by reports. */
export const commandsSchema = z.object({
  /** End these running jobs (and forget them if they have not started). */
  kill: z.array(idSchema),
  /** Another pilot asks: give back up to this many jobs that have not started. */
  giveBack: z.int(),
  /** Finish: take no more, end what runs, leave. null = go on. */
  retire: z.string().nullable(),
});

export const reportItemSchema = z.strictObject({
  job: idSchema,
  attempt: z.int().min(1),
  state: z.enum(["RUNNING", "RUN_DONE", "RUN_ERROR", "RUN_TIMEOUT", "USER_KILLED"]),
  /** When it happened, milliseconds since 1970, by the pilot's clock. */
  at: z.number(),
  failure: z.enum(FAILURE_KINDS).optional(),
  exitCode: z.int().nullable().optional(),
  signal: z.string().nullable().optional(),
  reason: z.string().max(8192).optional(),
  stderrTail: z.string().max(16_384).optional(),
  node: z.string().optional(),
  cores: z.array(z.int()).optional(),
  gpus: z.array(z.string()).optional(),
});
export const reportSchema = z.strictObject({
  /** Counts up from 1 within the session; a batch that was applied already is answered again, not applied again. */
  batch: z.int().min(1),
  items: z.array(reportItemSchema).max(10_000),
});
export const reportAnswerSchema = z.object({
  accepted: z.int(),
  /** Items that changed nothing: end such a task if it runs. */
  stale: z.array(z.object({ job: idSchema, attempt: z.int(), why: z.string() })),
  commands: commandsSchema,
});

export const hookTaskSchema = z.object({
  job: jobSchema,
  hook: z.enum(HOOK_NAMES),
  /** How the attempt failed, where the hook is onError or onTimeout. */ failure: z.string().nullable(),
});
export const hookOutcomeSchema = z.strictObject({
  job: idSchema,
  attempt: z.int(),
  hook: z.enum(HOOK_NAMES),
  /** Where the hook moved the job; null = the default (preprocess PREPROCESSED, postprocess POSTPROCESSED, onError and onTimeout by the retry policy). */
  state: z
    .enum(["PREPROCESSED", "POSTPROCESSED", "RUN_DONE", "RESTART_READY", "FAILED", "USER_KILLED"])
    .nullable()
    .default(null),
  reason: z.string().max(8192).default(""),
  /** Entries merged into the job's data. */
  data: z.record(z.string(), z.json()).default({}),
  tags: tagsSchema.default({}),
  parameters: jobCreateSchema.shape.parameters,
  create: z.array(jobCreateSchema).default([]),
  kill: z.array(idSchema).default([]),
});

export const demandSchema = z.object({
  /** Runnable jobs not held by a pilot, grouped by shape. */
  shapes: z.array(
    z.object({
      count: z.int(),
      nodes: z.int(),
      coresPerNode: z.int(),
      gpusPerNode: z.number(),
      memoryPerNodeBytes: z.number(),
      nodePackingCount: z.int(),
      wallTimeMin: z.number(),
      tags: tagsSchema,
    }),
  ),
  /** Jobs now held or running under a session, in cores and whole nodes. */
  running: z.object({ jobs: z.int(), cores: z.number() }),
});

export const acquireAnswerSchema = z.object({
  offers: z.array(offerSchema),
  apps: z.array(appSchema),
  commands: commandsSchema,
});

export type Session = z.output<typeof sessionSchema>;
export type SessionCreate = z.input<typeof sessionCreateSchema>;
export type Acquire = z.input<typeof acquireSchema>;
export type Offer = z.output<typeof offerSchema>;
export type Commands = z.output<typeof commandsSchema>;
export type ReportItem = z.output<typeof reportItemSchema>;
export type Report = z.input<typeof reportSchema>;
export type HookTask = z.output<typeof hookTaskSchema>;
export type HookOutcome = z.input<typeof hookOutcomeSchema>;
export type Demand = z.output<typeof demandSchema>;
export type NodeCapacityWire = z.output<typeof capacitySchema>;
