import type { JobCreate } from "../../client/wire/entities.ts";
import { FAILURE_KINDS } from "../../model/attempts.ts";
import { ConiferError } from "../../model/errors.ts";
import { oneOf, pairs } from "../tree/values.ts";

/** What the options of `asking` (tree/job.ts) hold. */
export type AskOptions = {
  readonly env?: readonly string[];
  readonly priority?: number;
  readonly nodes?: number;
  readonly ranksPerNode?: number;
  readonly threadsPerRank?: number;
  readonly threadsPerCore?: number;
  readonly gpusPerRank?: number;
  readonly memoryPerNode?: number;
  readonly nodePackingCount?: number;
  readonly wallTime?: number;
  readonly timeLimit?: number;
  readonly maxAttempts?: number;
  readonly maxLosses?: number;
  readonly retryOn?: string;
  readonly launchOption?: readonly string[];
};

/** The fields of a job that these options set; those not given are left out. */
export function askedFields(options: AskOptions): Partial<Omit<JobCreate, "app">> {
  const { env, memoryPerNode, wallTime, timeLimit, retryOn, launchOption } = options;
  const { priority, nodes, ranksPerNode, threadsPerRank, threadsPerCore, gpusPerRank, nodePackingCount } = options;
  const fields = {
    environment: env === undefined ? undefined : pairs("--env", env),
    ...{ priority, nodes, ranksPerNode, threadsPerRank, threadsPerCore, gpusPerRank, nodePackingCount },
    memoryPerNodeBytes: memoryPerNode,
    wallTimeMin: wallTime,
    limitSec: timeLimit,
    maxAttempts: options.maxAttempts,
    maxLosses: options.maxLosses,
    retryOn: retryOn === undefined ? undefined : retryOn.split(",").map(oneOf("--retry-on", FAILURE_KINDS)),
    launchOptions: launchOption === undefined ? undefined : [...launchOption],
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** A JSON object of an option. */
export function readJsonObject(option: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Said below, as for any other text that is not an object.
  }
  throw new ConiferError("BAD_INPUT", { where: option, problem: 'expected a JSON object such as {"step": 3}' });
}
