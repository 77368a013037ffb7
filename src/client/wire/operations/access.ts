import { z } from "zod";
import { nameSchema } from "../../../app/definition.ts";
import { timeSchema, tokenSchema, userSchema } from "../entities.ts";
import { counts, none, op } from "./operation.ts";

/** The server itself, users and tokens. */
export const accessOperations = {
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
};
