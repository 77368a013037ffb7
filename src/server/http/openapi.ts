/** The OpenAPI 3.1 document, made of the same table that routes and validates. */
import { z } from "zod";
import {
  appSchema,
  batchJobSchema,
  jobCreateSchema,
  jobEventSchema,
  jobSchema,
  siteSchema,
  transferSchema,
} from "../../client/wire/entities.ts";
import { type Operation, type OperationName, operations, STREAMS } from "../../client/wire/operations.ts";
import { sessionSchema } from "../../client/wire/sessions.ts";

const ENTITIES = {
  Job: [jobSchema, "output"],
  JobCreate: [jobCreateSchema, "input"],
  JobEvent: [jobEventSchema, "output"],
  Site: [siteSchema, "output"],
  App: [appSchema, "output"],
  BatchJob: [batchJobSchema, "output"],
  Session: [sessionSchema, "output"],
  Transfer: [transferSchema, "output"],
} as const satisfies Record<string, readonly [z.ZodType, "input" | "output"]>;

let made: { version: string; text: string } | null = null;

/** The document as JSON text; made once. */
export function openApi(version: string): string {
  if (made?.version !== version) made = { version, text: JSON.stringify(document(version), null, 1) };
  return made.text;
}

function document(version: string): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const name of Object.keys(operations) as OperationName[]) {
    const operation: Operation = operations[name];
    const path = operation.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: describe(name, operation) };
  }
  for (const [name, path] of Object.entries(STREAMS)) {
    const template = path.replace(/:(\w+)/g, "{$1}");
    paths[template] = {
      ...paths[template],
      get: {
        operationId: name,
        summary: "Server-Sent Events",
        parameters: pathParameters(path),
        responses: { 200: { description: "a stream", content: { "text/event-stream": {} } } },
      },
    };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Conifer", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: {
        ...Object.fromEntries(Object.entries(ENTITIES).map(([name, [schema, io]]) => [name, toJson(schema, io)])),
        Problem: {
          type: "object",
          properties: {
            code: { type: "string" },
            status: { type: "integer" },
            title: { type: "string" },
            detail: { type: "string" },
            hint: { type: "string" },
            values: { type: "object" },
          },
        },
      },
    },
  };
}

function describe(name: string, operation: Operation): unknown {
  const key = {
    name: "Idempotency-Key",
    in: "header",
    required: false,
    description: "A replay of the request under the same key gets the first answer and changes nothing.",
    schema: { type: "string", maxLength: 256 },
  };
  return {
    operationId: name,
    summary: operation.summary,
    ...(operation.access === "anyone" ? { security: [] } : {}),
    parameters: [
      ...pathParameters(operation.path),
      ...(operation.query ? queryParameters(operation.query) : []),
      ...(operation.idempotent ? [key] : []),
    ],
    ...(operation.body
      ? {
          requestBody: { required: true, content: { "application/json": { schema: toJson(operation.body, "input") } } },
        }
      : {}),
    responses: {
      200: {
        description: "done",
        content: { "application/json": { schema: toJson(operation.response, "output") } },
      },
      default: {
        description: "refused or failed",
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    },
  };
}

function pathParameters(path: string): unknown[] {
  return path.includes(":id")
    ? [{ name: "id", in: "path", required: true, schema: { type: "integer", minimum: 1 } }]
    : [];
}

function queryParameters(query: z.ZodObject): unknown[] {
  const schema = toJson(query, "input") as { properties?: Record<string, unknown>; required?: string[] };
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: "query",
    required: schema.required?.includes(name) ?? false,
    schema: property,
  }));
}

/** An entity of ENTITIES becomes a reference wherever it occurs whole. */
function toJson(schema: z.ZodType, io: "input" | "output"): unknown {
  const { $schema: _dropped, ...json } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return json;
}
