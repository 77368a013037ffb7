import { z } from "zod";
import { FAILURE_KINDS } from "../model/attempts.ts";
import { ConiferError } from "../model/errors.ts";
import { HOOK_NAMES } from "../model/states.ts";
import { type ParameterValue, templateParameters } from "./template.ts";

const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/;
export const nameSchema = z
  .string()
  .regex(NAME, "a name starts with a letter and has letters, digits, . _ - (at most 128)");
const text = (most: number) =>
  z
    .string()
    .max(most)
    .refine((value) => !value.includes("\0"), "holds a NUL byte");
export const parameterValueSchema = z.union([
  text(1_000_000),
  z.number(),
  z.boolean(),
  z.null(),
  z.array(z.union([text(1_000_000), z.number(), z.boolean()])),
]);

export const resourcesSchema = z.object({
  nodes: z.int().min(1).max(1_000_000),
  ranksPerNode: z.int().min(1).max(100_000),
  threadsPerRank: z.int().min(1).max(100_000),
  threadsPerCore: z.int().min(1).max(64),
  gpusPerRank: z.number().min(0).max(1024),
  memoryPerNodeBytes: z.int().min(0),
  nodePackingCount: z.int().min(0).max(100_000),
  wallTimeMin: z.number().min(0),
});

export const environmentSchema = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "an environment variable's name is letters, digits and _"),
  text(131_072),
);
const globSchema = text(4096).refine(
  (glob) => glob !== "" && !glob.startsWith("/") && !glob.split("/").includes(".."),
  "must be relative and stay in the workdir",
);

export const parameterSchema = z.strictObject({
  /** What the value must be; `any` takes everything. Default any. */
  type: z.enum(["any", "string", "number", "integer", "boolean"]).default("any"),
  /** Value where a job gives none; a parameter without default is required. */
  default: parameterValueSchema.optional(),
  help: text(4096).default(""),
});

/** What an app file holds, and what the server stores of an app. */
export const appDefinitionSchema = z.strictObject({
  name: nameSchema,
  description: text(65_536).default(""),
  /** Shell text with {{parameters}}. */
  command: text(262_144).min(1),
  parameters: z
    .record(z.string().regex(/^[A-Za-z_]\w*$/, "a parameter's name is letters, digits and _"), parameterSchema)
    .default({}),
  /** Shell text run before the command in the same shell, e.g. `module load lammps`. */
  preamble: text(65_536).default(""),
  environment: environmentSchema.default({}),
  resources: resourcesSchema.partial().default({}),
  /** Globs in the workdir that must match a file after exit 0. */
  outputs: z.array(globSchema).default([]),
  /** Globs in the workdir removed once the job is finished. */
  cleanup: z.array(globSchema).default([]),
  container: z
    .strictObject({
      engine: z.enum(["apptainer", "podman"]),
      image: text(4096).min(1),
      options: z.array(text(4096)).default([]),
    })
    .nullable()
    .default(null),
  /** Hard limit on the run time of a job, seconds; null = none. */
  limitSec: z.number().positive().nullable().default(null),
  maxAttempts: z.int().min(1).max(1000).optional(),
  retryOn: z.array(z.enum(FAILURE_KINDS)).optional(),
  /** Hooks the app's module exports, found when it is synced. */
  hooks: z.array(z.enum(HOOK_NAMES)).default([]),
});
export type AppDefinition = z.output<typeof appDefinitionSchema>;
export type AppDefinitionInput = z.input<typeof appDefinitionSchema>;

/** Checks a definition whole; parameters that only the command names are added as required ones. `where` names it in errors. */
export function readAppDefinition(input: unknown, where: string): AppDefinition {
  const read = appDefinitionSchema.safeParse(input);
  if (!read.success) {
    const issue = read.error.issues[0];
    throw new ConiferError("BAD_INPUT", {
      where: [where, ...(issue?.path ?? [])].join("."),
      problem: issue?.message ?? "unreadable",
    });
  }
  const used = templateParameters(`${read.data.preamble}\n${read.data.command}`, where);
  const parameters = {
    ...Object.fromEntries(used.map((name) => [name, { type: "any" as const, help: "" }])),
    ...read.data.parameters,
  };
  return { ...read.data, parameters };
}

/**
 * A job's parameters against its app's: unknown ones and missing required ones are errors that name item and field;
 * defaults are not stored with the job but filled in when the command is made.
 */
export function checkParameters(
  app: Pick<AppDefinition, "name" | "parameters">,
  given: Readonly<Record<string, ParameterValue>>,
  where: string,
): void {
  for (const [name, value] of Object.entries(given)) {
    const parameter = Object.hasOwn(app.parameters, name) ? app.parameters[name] : undefined;
    if (!parameter) {
      throw new ConiferError("UNKNOWN_PARAMETER", {
        where: `${where}.parameters.${name}`,
        app: app.name,
        parameter: name,
        known: Object.keys(app.parameters).join(", ") || "none",
      });
    }
    const expected = wrongType(parameter.type, value);
    if (expected)
      throw new ConiferError("BAD_INPUT", {
        where: `${where}.parameters.${name}`,
        problem: `expected ${expected}, got ${JSON.stringify(value).slice(0, 80)}`,
      });
  }
  for (const [name, parameter] of Object.entries(app.parameters)) {
    if (parameter.default === undefined && !Object.hasOwn(given, name)) {
      throw new ConiferError("MISSING_PARAMETER", { where: `${where}.parameters`, app: app.name, parameter: name });
    }
  }
}

function wrongType(type: z.output<typeof parameterSchema>["type"], value: ParameterValue): string | null {
  const fits = {
    any: true,
    string: typeof value === "string",
    number:
      typeof value === "number" || (typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value))),
    integer: Number.isInteger(typeof value === "string" && value.trim() !== "" ? Number(value) : value),
    boolean: typeof value === "boolean" || value === "true" || value === "false",
  }[type];
  return fits ? null : type === "integer" ? "a whole number" : `a ${type}`;
}
