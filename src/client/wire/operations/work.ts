import { z } from "zod";
import {
  BATCH_STATES,
  batchJobCreateSchema,
  batchJobSchema,
  idSchema,
  timeSchema,
  transferSchema,
} from "../entities.ts";
import {
  acquireAnswerSchema,
  acquireSchema,
  commandsSchema,
  reportAnswerSchema,
  reportSchema,
  sessionCreateSchema,
  sessionSchema,
} from "../sessions.ts";
import { count, listQuerySchema, none, op, page } from "./operation.ts";

/** Sessions, batch jobs and transfers. */
export const workOperations = {
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
    body: z.strictObject({
      jobs: z.array(idSchema).max(100_000),
      /** Those of them that this pilot can never run: it is not offered them again, and the job keeps the reason. */
      never: z
        .array(z.strictObject({ job: idSchema, why: z.string().max(1000) }))
        .max(10_000)
        .default([]),
    }),
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
            expected: timeSchema.optional(),
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
};
