import { readFileSync } from "node:fs";
import { z } from "zod";
import { ConiferError, messageOf } from "../model/errors.ts";

const seconds = z.number().min(0);

/** What a pilot is told when it starts; the site agent writes it (mode 0600: it has a token). */
export const pilotConfigSchema = z.strictObject({
  access: z.object({ address: z.string(), token: z.string(), fingerprint: z.string().nullable() }),
  /** Workdirs of jobs are `<directory>/data/<workdir>`. */
  site: z.object({ id: z.int().min(1), name: z.string(), directory: z.string().startsWith("/") }),
  /** The batch job it runs in. */
  batchJobId: z.int().min(1).nullable().default(null),
  /** It takes only jobs with all these tags. */
  tags: z.record(z.string(), z.string()).default({}),
  /** It takes only jobs of these apps; empty = any. */
  apps: z.array(z.string()).default([]),
  /** Minutes from its start to the end of its allocation; null = no end. */
  wallTimeMin: z.number().positive().nullable().default(null),
  /** Everything is stopped this long before the end. */
  endMarginSec: seconds.default(20),
  /** It leaves after so long with nothing to do; null = never. */
  idleSec: seconds.nullable().default(60),
  /** Its own: log, journal, socket. */
  directory: z.string().startsWith("/"),
  /** Between SIGTERM and SIGKILL of a task. */
  graceSec: seconds.default(10),
  /** What the node promises; null = what it has. */
  node: z
    .strictObject({
      cores: z.int().min(1).max(65_536).nullable().default(null),
      /** How many, or their ids. */
      gpus: z
        .union([z.int().min(0).max(1024), z.array(z.string())])
        .nullable()
        .default(null),
      memoryBytes: z.int().min(0).nullable().default(null),
    })
    .default({ cores: null, gpus: null, memoryBytes: null }),
  mpi: z
    .strictObject({ launcher: z.enum(["auto", "openmpi", "mpich", "none"]).default("auto") })
    .default({ launcher: "auto" }),
  /** Whether running jobs reach the server through the pilot. */
  relay: z.boolean().default(true),
});
export type PilotConfig = z.output<typeof pilotConfigSchema>;
export type PilotConfigInput = z.input<typeof pilotConfigSchema>;

/** Reads a pilot's config from its file; throws BAD_SETTINGS. */
export function readPilotConfig(file: string): PilotConfig {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new ConiferError("BAD_SETTINGS", { file, line: 1, problem: messageOf(cause) }, { cause });
  }
  const read = pilotConfigSchema.safeParse(content);
  if (read.success) return read.data;
  const issue = read.error.issues[0];
  throw new ConiferError("BAD_SETTINGS", { file, line: 1, problem: `${issue?.path.join(".")}: ${issue?.message}` });
}
