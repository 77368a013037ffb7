import { z } from "zod";
import { appDefinitionSchema } from "../../../app/definition.ts";
import { HOOK_NAMES } from "../../../model/states.ts";
import { appSchema, idSchema, siteCreateSchema, siteSchema } from "../entities.ts";
import { demandSchema, hookOutcomeSchema, hookTaskSchema } from "../sessions.ts";
import { none, op } from "./operation.ts";

/** Sites, their hooks and apps. */
export const sitesOperations = {
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
      /** What the caller holds; it is not handed out again. */
      holding: z
        .array(z.strictObject({ job: idSchema, attempt: z.int(), hook: z.enum(HOOK_NAMES) }))
        .max(10_000)
        .default([]),
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
};
