/** Changes fields of jobs. Tags, parameters, data and environment are merged entry by entry; everything else is replaced. */
import { type AppDefinition, checkParameters } from "../../app/definition.ts";
import type { ParameterValue } from "../../app/template.ts";
import type { BodyOf } from "../../client/wire/operations.ts";
import { ConiferError } from "../../model/errors.ts";
import type { Transaction } from "../database/index.ts";
import type { Handlers } from "../http/context.ts";
import { changeInBatches } from "./batches.ts";

type Changes = BodyOf<"jobUpdate">["set"];

export const jobUpdate = {
  async jobUpdate(context, { body }) {
    const { set, ...selection } = body;
    if (Object.keys(set).length === 0)
      throw new ConiferError("BAD_INPUT", { where: "set", problem: "expected at least one field" });
    const at = new Date(context.clock.now());
    return changeInBatches(context, selection, async (tx, ids) => {
      if (set.parameters) await checkMerged(tx, ids, set.parameters);
      const { assignments, values } = assign(set);
      if (assignments.length > 0) await updateJobs(tx, ids, { assignments, values });
      await tx.query(UPDATE_LIFE, [ids, set.priority ?? null, at]);
      const { rows } = await tx.query<{ site: number }>(SITES, [ids]);
      return {
        changed: ids.length,
        left: [],
        announce: () => {
          for (const { site } of rows) {
            context.changes.publish({ kind: "jobs", siteId: site, states: {}, truncated: true, at: at.toISOString() });
            context.changes.wake(site);
          }
        },
      };
    });
  },
} satisfies Partial<Handlers>;

/** The most that what a job carries may come to by merging, bytes of JSON. */
const MOST_BYTES = 2 * 1024 * 1024;

async function updateJobs(
  tx: Transaction,
  ids: readonly number[],
  { assignments, values }: { assignments: readonly string[]; values: readonly unknown[] },
): Promise<void> {
  const { rows } = await tx.query<{ id: number; size: number }>(
    `WITH changed AS (
       UPDATE jobs SET ${assignments.join(", ")} WHERE id = ANY($1::bigint[])
       RETURNING id, octet_length(tags::text) + octet_length(parameters::text) + octet_length(data::text) + octet_length(environment::text) AS size
     ) SELECT id, size FROM changed WHERE size > ${MOST_BYTES} LIMIT 1`,
    [ids, ...values],
  );
  const [large] = rows;
  if (large)
    throw new ConiferError("TOO_LARGE", {
      where: `job ${large.id}`,
      size: `${large.size} bytes`,
      limit: `${MOST_BYTES} bytes`,
    });
}

function assign(set: Changes): { assignments: string[]; values: unknown[] } {
  const assignments: string[] = [];
  const values: unknown[] = [];
  for (const [field, value] of Object.entries(set)) {
    const column = COLUMNS[field];
    if (column === undefined || value === undefined) continue;
    values.push(column.json ? JSON.stringify(value) : value);
    const place = `$${values.length + 1}::${column.type}`;
    assignments.push(`${column.name} = ${column.merge ? `${column.name} || ${place}` : place}`);
  }
  return { assignments, values };
}

type Column = { readonly name: string; readonly type: string; readonly json?: boolean; readonly merge?: boolean };

const COLUMNS: Readonly<Record<string, Column>> = {
  name: { name: "name", type: "text" },
  workflow: { name: "workflow", type: "text" },
  tags: { name: "tags", type: "jsonb", json: true, merge: true },
  parameters: { name: "parameters", type: "jsonb", json: true, merge: true },
  data: { name: "data", type: "jsonb", json: true, merge: true },
  environment: { name: "environment", type: "jsonb", json: true, merge: true },
  launchOptions: { name: "launch_options", type: "jsonb", json: true },
  nodes: { name: "nodes", type: "integer" },
  ranksPerNode: { name: "ranks_per_node", type: "integer" },
  threadsPerRank: { name: "threads_per_rank", type: "integer" },
  threadsPerCore: { name: "threads_per_core", type: "integer" },
  gpusPerRank: { name: "gpus_per_rank", type: "double precision" },
  memoryPerNodeBytes: { name: "memory_per_node_bytes", type: "bigint" },
  nodePackingCount: { name: "node_packing_count", type: "integer" },
  wallTimeMin: { name: "wall_time_min", type: "double precision" },
  limitSec: { name: "limit_sec", type: "double precision" },
  maxAttempts: { name: "max_attempts", type: "integer" },
  maxLosses: { name: "max_losses", type: "integer" },
  retryOn: { name: "retry_on", type: "text[]" },
};

/** The parameters as they will be, against each job's app. */
async function checkMerged(
  tx: Transaction,
  ids: readonly number[],
  parameters: Readonly<Record<string, ParameterValue>>,
): Promise<void> {
  const { rows } = await tx.query<{ id: number; app: number; parameters: Record<string, ParameterValue> }>(
    "SELECT id, app_id AS app, parameters FROM jobs WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE",
    [ids],
  );
  const apps = await tx.query<{ id: number; definition: AppDefinition }>(
    "SELECT id, definition FROM apps WHERE id = ANY($1::bigint[])",
    [[...new Set(rows.map((row) => row.app))]],
  );
  const definitions = new Map(apps.rows.map(({ id, definition }) => [id, definition]));
  for (const row of rows) {
    const definition = definitions.get(row.app);
    if (definition) checkParameters(definition, { ...row.parameters, ...parameters }, `job ${row.id}`);
  }
}

const UPDATE_LIFE =
  "UPDATE job_life SET priority = coalesce($2::int, priority), updated = $3 WHERE id = ANY($1::bigint[])";
const SITES = "SELECT DISTINCT site_id AS site FROM job_life WHERE id = ANY($1::bigint[])";
