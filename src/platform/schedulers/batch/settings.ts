import { z } from "zod";
import { directiveLine, nameWord } from "./words.ts";

const limit = (what: string) =>
  z.int().min(1).nullable().default(null).describe(`${what}; null = what the scheduler tells`);

/** What a site says about its batch scheduler, whatever kind it is. Times in seconds. */
export const batchSettings = z.strictObject({
  queue: nameWord
    .or(z.literal(""))
    .default("")
    .describe("Queue (partition) of allocations that name none; empty = the scheduler's default"),
  project: nameWord.or(z.literal("")).default("").describe("Account of allocations that name none"),
  template: z
    .string()
    .nullable()
    .default(null)
    .describe("File with the site's own submit script template; null = the built-in one"),
  preamble: z.string().default("").describe("Shell lines that run before the pilot, such as `module load openmpi`"),
  extra: z
    .array(directiveLine)
    .default([])
    .describe("Further directives, each as the scheduler's options are written, without the leading #WORD"),
  parameters: z
    .record(
      z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, "expected a name"),
      z.union([z.string(), z.number(), z.boolean()]),
    )
    .default({})
    .describe("Parameters of the site's own template, with their defaults; a batch job may give others"),
  options: z
    .record(z.string(), z.unknown())
    .default({})
    .describe("Options of this kind of scheduler that all allocations have; a batch job may give others"),
  commandDirectory: z.string().nullable().default(null).describe("Where the scheduler's commands are, if not on PATH"),
  commandLimitSec: z
    .number()
    .min(1)
    .max(3600)
    .default(60)
    .describe("A command that has not answered after so long is given up, seconds"),
  minIntervalSec: z
    .number()
    .min(0)
    .max(3600)
    .default(10)
    .describe("The scheduler is asked about its jobs no more often than this, seconds"),
  limits: z
    .strictObject({
      maxNodes: limit("Nodes of one allocation"),
      maxWallTimeMin: limit("Wall time of one allocation, minutes"),
      maxQueued: limit("Allocations that may wait to start"),
      maxRunning: limit("Allocations that run at once"),
    })
    .prefault({})
    .describe("Limits, where the scheduler does not tell them or the site wants narrower ones"),
});
export type BatchSettings = z.output<typeof batchSettings>;
export type BatchSettingsInput = z.input<typeof batchSettings>;
