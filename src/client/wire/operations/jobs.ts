import { z } from "zod";
import { JOB_STATES } from "../../../model/states.ts";
import {
  dependencySchema,
  idSchema,
  jobChangeSchema,
  jobCreateSchema,
  jobEventSchema,
  jobSchema,
} from "../entities.ts";
import { changed, counts, listQuerySchema, op, page, repeated, selecting } from "./operation.ts";

/** Jobs and their events. */
export const jobsOperations = {
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
};
