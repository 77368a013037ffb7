/**
 * Every operation of the API, as data: the server registers and validates from this table, the typed client calls
 * through it, and the OpenAPI document is made of it.
 */
import { z } from "zod";
import { JOB_STATES } from "../../model/states.ts";
import { BATCH_STATES, idSchema, type tagsSchema, timeSchema } from "./entities.ts";
import { accessOperations } from "./operations/access.ts";
import { jobsOperations } from "./operations/jobs.ts";
import type { Operation } from "./operations/operation.ts";
import { sitesOperations } from "./operations/sites.ts";
import { workOperations } from "./operations/work.ts";

export type { Operation } from "./operations/operation.ts";

export const operations = {
  ...accessOperations,
  ...sitesOperations,
  ...jobsOperations,
  ...workOperations,
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
