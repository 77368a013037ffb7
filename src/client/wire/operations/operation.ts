/** What an operation of the API is, and the shapes that many of them share. */
import { z } from "zod";
import { idSchema } from "../entities.ts";

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

export const op = <const T extends Operation>(operation: T): T => operation;
export const repeated = z.preprocess(
  (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]),
  z.array(z.string()),
);
export const flag = z.preprocess((value) => value === true || value === "true" || value === "1", z.boolean());
export const count = z.coerce.number().int();

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
export const page = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next: z.string().nullable(), total: z.int().nullable() });

/** Jobs named by ids or by filters: exactly one of the two must be given (the server refuses both and neither), so that nothing never means everything. */
const selection = { ids: z.array(idSchema).max(1_000_000).optional(), where: z.array(z.string()).min(1).optional() };
export const selecting = <T extends z.ZodRawShape>(shape: T) => z.strictObject({ ...selection, ...shape });
export const changed = z.object({
  /** Jobs that matched. */ matched: z.int(),
  /** Jobs that were changed. */ changed: z.int(),
  /** Why others were not, each with how many. */ left: z.array(z.object({ reason: z.string(), count: z.int() })),
});
export const counts = z.array(z.object({ key: z.string(), count: z.int() }));
export const none = z.null();
